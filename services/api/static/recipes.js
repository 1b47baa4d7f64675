// What to type elsewhere to get this camera's picture: addresses, commands, snippets.

import { cameraAddress, frameOptions, mosaicAddress } from "./urls.js";

/** [{label, text}] for a camera with the options the page shows it with. */
export function recipes(camera, options) {
  const stream = cameraAddress(camera, "", options);
  const frame = cameraAddress(camera, "/frame", frameOptions(options));
  return [
    { label: "Stream address", text: stream },
    { label: "Frame address", text: frame },
    { label: "ffmpeg, record", text: `ffmpeg -f mpjpeg -i "${stream}" -c copy ${fileName(camera)}.mkv` },
    { label: "VLC", text: `vlc "${stream}"` },
    { label: "HTML", text: `<img src="${html(stream)}" alt="${html(camera)}">` },
    {
      label: "Home Assistant YAML",
      text: [
        "camera:",
        "  - platform: ffmpeg",
        `    name: ${JSON.stringify(camera)}`,
        `    input: ${JSON.stringify(stream)}`,
        "# or add the integration MJPEG IP Camera with",
        `#   MJPEG URL: ${stream}`,
        `#   Still Image URL: ${frame}`,
        "",
      ].join("\n"),
    },
    {
      label: "OpenCV",
      text: [
        "import cv2",
        "",
        `capture = cv2.VideoCapture(${JSON.stringify(stream)}, cv2.CAP_FFMPEG)`,
        "there, image = capture.read()  # BGR, uint8[height, width, 3]",
        "",
      ].join("\n"),
    },
    {
      label: "NumPy, one frame",
      text: [
        "from urllib.request import urlopen",
        "",
        "import cv2",
        "import numpy as np",
        "",
        `jpeg = urlopen(${JSON.stringify(frame)}).read()`,
        "image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)",
        "",
      ].join("\n"),
    },
  ];
}

/** [{label, text}] for several cameras side by side in one stream. */
export function mosaicRecipes(cameras) {
  const stream = mosaicAddress(cameras);
  return [
    { label: "Stream address", text: stream },
    { label: "HTML", text: `<img src="${html(stream)}" alt="${html(cameras.join(", "))}">` },
    { label: "VLC", text: `vlc "${stream}"` },
  ];
}

/** A camera's name as part of a file's. */
export function fileName(camera) {
  return camera.replace(/[^\w.-]+/g, "_");
}

function html(text) {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
