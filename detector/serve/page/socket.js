// The server that looks at frames: one under way at a time; lost, it is sought again after 0.5 s, 1 s, 2 s, ... 15 s.
const FIRST_MS = 500, MOST_MS = 15000, ANSWER_MS = 20000;

export class Live {
  constructor(said) {
    this.said = said; // (state, close code): open, waiting, closed
    this.wait = FIRST_MS;
    this.wanted = false;
    this.asked = null;
  }
  start() { if (!this.wanted) { this.wanted = true; this.#connect(); } }
  stop() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.socket?.close();
    this.said("closed");
  }
  pack(canvas) { return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8)); }
  get open() { return this.socket?.readyState === WebSocket.OPEN; }

  // The answer to a frame; null where the connection is lost meanwhile.
  ask(frame) {
    return new Promise((resolve) => {
      const late = setTimeout(() => this.socket?.close(), ANSWER_MS);
      this.asked = (answer) => { clearTimeout(late); this.asked = null; resolve(answer); };
      this.socket.send(frame);
    });
  }
  // The answer to a file of the user's, which is sent as it is.
  async look(file) {
    try {
      return await (await fetch("api/detect", { method: "POST", body: file })).json();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return { error: "gone" };
    }
  }
  #connect() {
    const address = new URL("live", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(address);
    this.socket.onopen = () => { this.said("open"); };
    this.socket.onmessage = (message) => {
      this.wait = FIRST_MS;
      this.asked?.(JSON.parse(message.data));
    };
    this.socket.onclose = ({ code }) => {
      this.asked?.(null);
      if (!this.wanted) return;
      this.said("waiting", code);
      this.timer = setTimeout(() => this.#connect(), this.wait);
      this.wait = Math.min(2 * this.wait, MOST_MS);
    };
  }
}
