import { button, element, show } from './elements.ts';

const video = element('video', HTMLVideoElement);

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
    start().catch((error: unknown) => failed(reasonOf(error)));
  });
}

async function start(): Promise<void> {
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  await video.play();
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

export function closeCamera(): void {
  if (video.srcObject instanceof MediaStream) video.srcObject.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  for (const node of [video, button('take')]) show(node, false);
}
