// Decodes pictures and paints the newest one when the screen is refreshed.

const MOST_PIXELS_WIDE = 4096;

/**
 * One decode at a time and one picture waiting: a slow machine skips, it does not fall behind.
 * Every bitmap is closed, every frame's done() is called once, painted or not.
 */
export class Painter {
  #canvas;
  #context;
  #painted;
  #waiting = null;
  #decoding = false;
  #ready = null;
  #refresh = 0;
  #life = 0;

  /** painted(frame, {width, height}) is called when a picture is on the canvas. */
  constructor(canvas, painted) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#painted = painted;
  }

  show(frame) {
    this.#waiting?.done();
    this.#waiting = frame;
    if (!this.#decoding) this.#decode();
  }

  /** Forgets what is under way; the picture on the canvas stays. */
  stop() {
    this.#life += 1;
    cancelAnimationFrame(this.#refresh);
    this.#refresh = 0;
    this.#waiting?.done();
    this.#waiting = null;
    this.#drop(this.#ready);
    this.#ready = null;
  }

  async #decode() {
    this.#decoding = true;
    while (this.#waiting) {
      const [frame, life] = [this.#waiting, this.#life];
      this.#waiting = null;
      const bitmap = await createImageBitmap(frame.blob).catch(() => null);
      if (bitmap && life === this.#life) this.#queue({ frame, bitmap });
      else this.#drop({ frame, bitmap });
    }
    this.#decoding = false;
  }

  #queue(picture) {
    this.#drop(this.#ready);
    this.#ready = picture;
    this.#refresh ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#refresh = 0;
    const { frame, bitmap } = this.#ready;
    const scale = Math.min(1, MOST_PIXELS_WIDE / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    this.#context.drawImage(bitmap, 0, 0, width, height);
    this.#painted(frame, { width: bitmap.width, height: bitmap.height });
    this.#drop(this.#ready);
    this.#ready = null;
  }

  #drop(picture) {
    picture?.bitmap?.close();
    picture?.frame.done();
  }
}
