// What the page says, in each language. Names of classes come with the model.
export const WORDS = {
  en: {
    title: "Live detection", skip: "To the picture", choose: "What to look at", start: "Start the camera",
    file: "Picture or video", stop: "Stop", speed: "Frames a second", trip: "There and back", connection: "Connection",
    counts: "Seen now", class: "Class", count: "Count", api: "For programs",
    "mode-server": "Pictures go to the computer that runs this server, are looked at there, and are not kept.",
    "mode-browser": "Pictures are looked at in this page, on this device. No picture leaves it.",
    network: "Model", time: "Time of a frame", loading: "Loading the model: {0} of {1} MB",
    "network-closed": "not loaded", "network-loading": "loading", "network-failed": "not loaded", "network-open": "ready, {0} of the processor's cores",
    "connection-open": "connected", "connection-waiting": "lost, trying again", "connection-closed": "none",
    ready: "Not started", nothing: "Nothing found", boxes: "Boxes found in the picture: ",
    NotFoundError: "No camera was found. Connect one, or choose a picture or a video.",
    NotAllowedError: "The camera may not be used. Allow it in the browser's settings of this page, then start again.",
    NotReadableError: "The camera is used by another program. Close that program, then start again.",
    insecure: "A browser gives the camera only to HTTPS pages, and to pages of this computer. Ask whoever runs the server.",
    camera: "The camera cannot be used: ",
    gone: "The server does not answer. Trying again …",
    media: "This file cannot be shown by the browser. Try a JPEG or PNG picture, or an MP4 or WebM video.",
    picture: "This picture cannot be read, or has too many pixels.", large: "This picture is too large a file.",
    slow: "The picture took too long to arrive.", rate: "Too many requests. Try again in a moment.",
    busy: "The server is busy. Trying again …", token: "The token is missing or wrong. Open the page anew.",
    origin: "This page may not use this server.", host: "This server does not go by this name.",
    one: "The browser has one processor core for this page, so that frames follow slowly.",
    apart: "The page may use one processor core only, so that frames follow slowly. Opened by HTTPS it may use more.",
    "no-wasm": "This browser is too old to run the model in the page. Use a current Chrome, Edge, Firefox or Safari.",
    "no-simd": "This browser or its processor lacks what the model needs to run (SIMD). Use a current browser, or another device.",
    unopened: "The browser cannot open the model. It may be too large for this device's memory: close other tabs and programs, "
      + "or ask whoever runs the server for a smaller model.",
    broken: "The model stopped in the page. Start again; if it happens again, open the page anew.",
    stuck: "The model has not answered for a minute: this device may be too slow for it. Start again, or ask for a smaller model.",
    changed: "The server has another model now. Open the page anew.",
  },
  ko: {
    title: "실시간 검출", skip: "화면으로 이동", choose: "무엇을 볼까요", start: "카메라 시작",
    file: "사진 또는 동영상", stop: "중지", speed: "초당 프레임", trip: "왕복 시간", connection: "연결",
    counts: "지금 보이는 것", class: "종류", count: "개수", api: "개발자용",
    "mode-server": "사진은 이 서버를 실행하는 컴퓨터로 보내져 검사되며 저장되지 않습니다.",
    "mode-browser": "사진은 이 기기의 이 페이지 안에서만 검사됩니다. 어떤 사진도 기기 밖으로 나가지 않습니다.",
    network: "모델", time: "프레임당 시간", loading: "모델을 불러오는 중: {1} MB 중 {0} MB",
    "network-closed": "불러오지 않음", "network-loading": "불러오는 중", "network-failed": "불러오지 못함", "network-open": "준비됨, 프로세서 코어 {0}개 사용",
    "connection-open": "연결됨", "connection-waiting": "끊김, 다시 연결하는 중", "connection-closed": "없음",
    ready: "시작하지 않음", nothing: "찾은 것이 없습니다", boxes: "사진에서 찾은 것: ",
    NotFoundError: "카메라를 찾을 수 없습니다. 카메라를 연결하거나 사진 또는 동영상을 선택하세요.",
    NotAllowedError: "카메라 사용이 거부되었습니다. 브라우저의 페이지 설정에서 허용한 뒤 다시 시작하세요.",
    NotReadableError: "다른 프로그램이 카메라를 사용하고 있습니다. 그 프로그램을 닫고 다시 시작하세요.",
    insecure: "브라우저는 HTTPS 페이지나 이 컴퓨터의 페이지에서만 카메라를 허용합니다. 서버 관리자에게 문의하세요.",
    camera: "카메라를 사용할 수 없습니다: ",
    gone: "서버가 응답하지 않습니다. 다시 시도하는 중 …",
    media: "브라우저가 이 파일을 표시할 수 없습니다. JPEG·PNG 사진이나 MP4·WebM 동영상을 사용하세요.",
    picture: "사진을 읽을 수 없거나 화소가 너무 많습니다.", large: "사진 파일이 너무 큽니다.",
    slow: "사진이 도착하는 데 너무 오래 걸렸습니다.", rate: "요청이 너무 많습니다. 잠시 후 다시 시도하세요.",
    busy: "서버가 바쁩니다. 다시 시도하는 중 …", token: "토큰이 없거나 틀렸습니다. 페이지를 다시 여세요.",
    origin: "이 페이지는 이 서버를 사용할 수 없습니다.", host: "이 이름의 서버가 아닙니다.",
    one: "브라우저가 이 페이지에 프로세서 코어를 하나만 주어 프레임이 느립니다.",
    apart: "이 페이지는 프로세서 코어를 하나만 쓸 수 있어 프레임이 느립니다. HTTPS로 열면 더 쓸 수 있습니다.",
    "no-wasm": "브라우저가 오래되어 페이지 안에서 모델을 실행할 수 없습니다. 최신 Chrome, Edge, Firefox, Safari를 사용하세요.",
    "no-simd": "이 브라우저나 프로세서에는 모델 실행에 필요한 기능(SIMD)이 없습니다. 최신 브라우저나 다른 기기를 사용하세요.",
    unopened: "브라우저가 모델을 열 수 없습니다. 이 기기의 메모리에 비해 모델이 너무 클 수 있습니다. 다른 탭과 프로그램을 닫거나 "
      + "서버 관리자에게 더 작은 모델을 요청하세요.",
    broken: "페이지 안에서 모델이 멈췄습니다. 다시 시작하고, 반복되면 페이지를 새로 여세요.",
    stuck: "모델이 1분 동안 응답하지 않았습니다. 이 기기에는 너무 느릴 수 있습니다. 다시 시작하거나 더 작은 모델을 요청하세요.",
    changed: "서버의 모델이 바뀌었습니다. 페이지를 새로 여세요.",
  },
};
const KEY = "language";
const listeners = [];
let language = localStorage.getItem(KEY) ?? (navigator.language.startsWith("ko") ? "ko" : "en");
if (!(language in WORDS)) language = "en";

export const spoken = () => language;
export const say = (key, ...values) => (WORDS[language][key] ?? key).replace(/{(\d)}/g, (_, number) => values[number]);
export const whenSpoken = (listener) => listeners.push(listener);

export function speak(chosen) {
  language = chosen;
  localStorage.setItem(KEY, chosen);
  show();
}

export function show() {
  document.documentElement.lang = language;
  document.title = say("title");
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = say(one.dataset.word);
  for (const one of document.querySelectorAll("[data-language]")) {
    one.setAttribute("aria-pressed", String(one.dataset.language === language));
  }
  for (const listener of listeners) listener();
}
