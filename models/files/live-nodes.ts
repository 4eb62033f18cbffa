import type { FileNode, RawFile } from '../onnx/decode.ts';

/** The nodes that the graph's outputs depend on, in the file's order. */
export function liveNodes(file: RawFile): FileNode[] {
  const needed = new Set(file.outputs);
  const live = file.nodes.toReversed().filter((node) => {
    const isNeeded = node.outputs.some((output) => needed.has(output));
    if (isNeeded) for (const input of node.inputs) needed.add(input);
    return isNeeded;
  });
  return live.reverse();
}
