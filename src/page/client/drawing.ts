/** Pixels of the pad's side. */
const side = 280;
const strokeWidth = 20;

/** Lets people draw in white on black. Calls `changed` after every stroke. */
export function openPad(pad: HTMLCanvasElement, changed: () => void): { clear(): void } {
  [pad.width, pad.height] = [side, side];
  const context = pad.getContext('2d', { willReadFrequently: true })!;
  const clear = () => {
    context.fillStyle = '#000';
    context.fillRect(0, 0, side, side);
  };
  clear();
  Object.assign(context, {
    strokeStyle: '#fff',
    lineWidth: strokeWidth,
    lineCap: 'round',
    lineJoin: 'round',
  });
  const place = (event: PointerEvent) => {
    const { left, top, width, height } = pad.getBoundingClientRect();
    return [((event.clientX - left) * side) / width, ((event.clientY - top) * side) / height] as const;
  };
  pad.addEventListener('pointerdown', (event) => {
    pad.setPointerCapture(event.pointerId);
    context.beginPath();
    context.moveTo(...place(event));
    context.lineTo(...place(event));
    context.stroke();
  });
  pad.addEventListener('pointermove', (event) => {
    if (!pad.hasPointerCapture(event.pointerId)) return;
    context.lineTo(...place(event));
    context.stroke();
  });
  pad.addEventListener('pointerup', changed);
  return { clear };
}
