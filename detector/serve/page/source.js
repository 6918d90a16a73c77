// What is looked at: the camera, a video or a picture of the user's. A video never leaves the page but frame by frame.
import { complain } from "./trouble.js";

const video = document.getElementById("video"), picture = document.getElementById("picture");
const canvas = document.createElement("canvas");
const LONGEST = 640;
let stream = null, url = "", sent = -1;

export function clear() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.pause();
  video.srcObject = null;
  video.removeAttribute("src");
  video.controls = false;
  if (url) URL.revokeObjectURL(url);
  url = "";
  sent = -1;
  picture.removeAttribute("src");
  picture.hidden = true;
  video.hidden = false;
}

export async function openCamera(ended) {
  clear();
  if (!navigator.mediaDevices) { complain("insecure"); return false; }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } }, audio: false });
    stream.getVideoTracks()[0].addEventListener("ended", ended);
    video.srcObject = stream;
    await video.play();
    return true;
  } catch (error) {
    clear();
    const known = ["NotFoundError", "NotAllowedError", "NotReadableError"].includes(error.name);
    complain(known ? error.name : "camera", known ? "" : `${error.name} ${error.message}`);
    return false;
  }
}

export async function openVideo(file) {
  clear();
  url = URL.createObjectURL(file);
  video.src = url;
  video.controls = true;
  try { await video.play(); return true; } catch { clear(); complain("media"); return false; }
}

export async function openPicture(file) {
  clear();
  url = URL.createObjectURL(file);
  picture.src = url;
  picture.hidden = false;
  video.hidden = true;
  try { await picture.decode(); return true; } catch { clear(); complain("media"); return false; }
}

// The video's present frame, of at most LONGEST pixels, made into what is looked at; null before there is one, or where
// it stands still.
export async function takeFrame(pack) {
  const [width, height] = [video.videoWidth, video.videoHeight];
  if (!width || video.readyState < 2 || video.currentTime === sent) return null;
  sent = video.currentTime;
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return pack(canvas);
}
