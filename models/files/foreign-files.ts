/**
 * Other frameworks' files by their first bytes. PyTorch's are zip archives, or pickles in its older form;
 * Keras' are zip archives or HDF5.
 */
const formats = [
  {
    bytes: [0x50, 0x4b, 0x03, 0x04],
    name: 'a zip archive, as PyTorch (.pt, .pth) and Keras (.keras) write',
    of: 'both',
  },
  { bytes: [0x80, 0x02], name: 'a pickle, as older versions of PyTorch write', of: 'PyTorch' },
  { bytes: [0x89, 0x48, 0x44, 0x46], name: 'an HDF5 file, as Keras writes', of: 'Keras' },
] as const;

const exports = {
  PyTorch:
    'net = Net(); net.load_state_dict(torch.load("weights.pt")); net.eval()\n' +
    '  image = torch.zeros(1, 3, 224, 224)\n' +
    '  torch.onnx.export(net, image, "net.onnx", opset_version=17, input_names=["image"], dynamic_axes={"image": {0: "N"}})',
  Keras:
    'import keras  # 3.8 or newer\n  net = keras.models.load_model("net.keras")\n' +
    '  net.export("net.onnx", format="onnx")',
} as const;

/** What to do with a file of another framework; undefined if the first bytes are not those of one. */
export function howToExport(first: Uint8Array): string | undefined {
  const found = formats.find(({ bytes }) => bytes.every((byte, i) => first[i] === byte));
  if (found === undefined) return undefined;
  const ways = found.of === 'both' ? (['PyTorch', 'Keras'] as const) : [found.of];
  const lines = ways.map((way) => `from ${way}:\n  ${exports[way]}`);
  return `it is ${found.name}, not an ONNX file; export the network, ${lines.join('\nor ')}`;
}
