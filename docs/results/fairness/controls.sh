#!/usr/bin/env bash
# What mitigation does without a reduction: DeepReDuce at 12.5 % with three seeds, mitigated, beside two controls. One is the network
# with all its ReLUs and the same mitigation (`reduce --control`), the other logits that are adjusted by the shares of the classes in
# training (`fairness --adjust`), which needs no training.
#
#   docs/results/fairness/controls.sh [FOLDER]     networks go into FOLDER (runs/fairness), which run.sh may have filled before
#
# Goes on where it was stopped: what is there is not made again.
set -euo pipefail
cd "$(dirname "$0")/../../.."

out=${1:-runs/fairness}
rare=fashion-mnist+unequal=0.27/0.03
common=(--data "$rare" --epochs 3 --threads 1 --method deepreduce --budget 0.125)
mkdir -p "$out"

reluctant() { node src/cli/main.ts "$@"; }

# one SEED: the reduced network, then the mitigated one with its control; what was said of it goes into a text file
one() {
  local plain=$out/deepreduce-0.125-$1.onnx said=$out/controlled-0.125-$1.txt
  [ -e "$plain" ] || reluctant reduce "$out/rare.onnx" "${common[@]}" --seed "$1" --out "$plain" > /dev/null
  [ -e "$said" ] || reluctant reduce "$out/rare.onnx" "${common[@]}" --seed "$1" --out "$out/controlled-0.125-$1.onnx" \
    --mitigate primal-dual --multiplier-cap 0.5 --control --against "$plain" > "$said.part"
  [ -e "$said" ] || mv "$said.part" "$said"
}

[ -e "$out/rare.onnx" ] || reluctant train --arch resnet8 --data "$rare" --epochs 12 --batch 64 --threads 1 --out "$out/rare.onnx"
one 1 & one 2 &
wait -n
one 3 &
wait
cat "$out"/controlled-0.125-[0-9].txt
reluctant fairness "$out/rare.onnx" "deepreduce@0.125=$out/deepreduce-0.125-[0-9]*.onnx" \
  "deepreduce, primal-dual@0.125=$out/controlled-0.125-[0-9]*.onnx" --data "$rare" --adjust --min-group 100
