import { button, element, show } from './elements.ts';

const video = element('video', HTMLVideoElement);

/** How often the camera was opened or closed: one that opens late is not used. */
let changes = 0;

/** Lets people use the camera. `taken` gets the video where it stands, `failed` the reason in words. */
export function openCamera(
  opening: () => void,
  taken: (video: HTMLVideoElement) => void,
  failed: (text: string) => void,
): void {
  show(button('camera'), 'mediaDevices' in navigator);
  button('take').addEventListener('click', () => taken(video));
  button('camera').addEventListener('click', () => {
    opening();
    const change = ++changes;
    const isWanted = () => change === changes;
    start(isWanted).catch((error: unknown) => {
      if (isWanted()) failed(reasonOf(error));
    });
  });
}

async function start(isWanted: () => boolean): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  if (!isWanted()) return stop(stream);
  video.srcObject = stream;
  await video.play();
  if (!isWanted()) return;
  for (const node of [video, button('take')]) show(node, true);
  show(element('picture', HTMLCanvasElement), false);
  button('take').focus();
}

function reasonOf(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError')
    return 'This page may not use the camera: the browser or you did not allow it.';
  if (name === 'NotFoundError') return 'There is no camera. Choose a file instead.';
  return 'The camera cannot be used now. Choose a file instead.';
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

export function closeCamera(): void {
  changes++;
  if (video.srcObject instanceof MediaStream) stop(video.srcObject);
  video.srcObject = null;
  for (const node of [video, button('take')]) show(node, false);
}
