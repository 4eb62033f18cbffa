import { verifyModel } from '../../../models/analysis/shapes.ts';
import { readModel } from '../../../models/files/read.ts';
import { writeModel } from '../../../models/files/write.ts';
import { forInference } from '../../../models/passes/index.ts';
import { ModelError } from '../../../src/shared/errors.ts';

/**
 * 'refused' for one ModelError that names the file and is not longer than a few pages; 'read' for a network
 * that fits together, folds, and comes back from its own file. Throws for anything else.
 */
export function readDamaged(bytes: Uint8Array): 'refused' | 'read' {
  let model;
  try {
    model = readModel(bytes, 'damaged.onnx');
  } catch (error) {
    const isFair = error instanceof ModelError && error.message.startsWith('damaged.onnx: ');
    if (!isFair || error.message.length > 20_000) throw error;
    return 'refused';
  }
  verifyModel(model);
  const folded = forInference(model);
  verifyModel(folded);
  const again = readModel(writeModel(folded), 'again.onnx').graph;
  if (JSON.stringify(again.outputs) !== JSON.stringify(folded.graph.outputs))
    throw new Error('its own file has other outputs');
  return 'read';
}
