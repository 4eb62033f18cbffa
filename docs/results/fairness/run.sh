#!/usr/bin/env bash
# Who pays for missing ReLUs, and what mitigation buys: three seeds, two methods, four budgets, with and without mitigation at
# 12.5 % and 6 % of the ReLUs; then a protected attribute apart from the label. Fashion-MNIST with the paper's nine to one between
# the first and the last five classes, at three tenths of the size so that it takes about an hour on two cores.
#
#   docs/results/fairness/run.sh [FOLDER]     networks go into FOLDER (runs/fairness), reports beside this script
#
# Goes on where it was stopped: what is there is not made again. Another size by the variables below.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export PATH="$PWD/node_modules/.bin:$PATH"

out=${1:-runs/fairness}
reports=${REPORTS:-docs/results/fairness}
rare=${RARE:-fashion-mnist+unequal=0.27/0.03}
shifted=${SHIFTED:-fashion-mnist+unequal=0.15+shifted=0.1}
seeds=${SEEDS:-1 2 3}
methods=${METHODS:-deepreduce snl}
budgets=${BUDGETS:-0.5 0.25 0.125 0.06}
mitigated=${MITIGATED:-0.125 0.06}
variants=${VARIANTS:-reweight balanced select mild strong}
cap=${CAP:-0.5}
epochs=${EPOCHS:-3}
first=${FIRST_EPOCHS:-12}
jobs=${JOBS:-2}
mkdir -p "$out" "$reports"

reluctant() { node src/cli/main.ts "$@"; }

# original NAME DATA: the network with all its ReLUs
original() {
  [ -e "$out/$1.onnx" ] || reluctant train --arch resnet8 --data "$2" --epochs "$first" --batch 64 --threads 1 \
    --checkpoint "$out/$1.checkpoint" --out "$out/$1.onnx"
}

# reduced NAME ORIGINAL DATA OPTIONS...: a reduction, and what it said as NAME.json
reduced() {
  local name=$1 from=$2 data=$3
  shift 3
  [ -e "$out/$name.json" ] && return
  echo "== $name"
  reluctant reduce "$out/$from.onnx" --data "$data" --epochs "$epochs" --threads 1 --out "$out/$name.onnx" --json "$@" > "$out/$name.json.part"
  mv "$out/$name.json.part" "$out/$name.json"
}

# by_method SEED METHOD: at every budget, mitigated too at some
by_method() {
  local seed=$1 method=$2 budget
  for budget in $budgets; do
    reduced "$method-$budget-$seed" rare "$rare" --method "$method" --budget "$budget" --seed "$seed"
  done
  for budget in $mitigated; do
    reduced "$method-dual-$budget-$seed" rare "$rare" --method "$method" --budget "$budget" --seed "$seed" \
      --mitigate primal-dual --multiplier-cap "$cap" --against "$out/$method-$budget-$seed.onnx"
  done
  case $method in
    deepreduce) by_variant "$seed" ;;
    snl) firm "$seed" ;;
  esac
}

# by_variant SEED: at one budget of one method the simple baselines, mask selection alone, and other caps of the multipliers
by_variant() {
  local seed=$1 variant options
  for variant in $variants; do
    case $variant in
      select) options=(--fair-select) ;;
      mild) options=(--mitigate primal-dual --multiplier-cap 0.3) ;;
      strong) options=(--mitigate primal-dual --multiplier-cap 1) ;;
      *) options=(--mitigate "$variant") ;;
    esac
    reduced "deepreduce-$variant-0.125-$seed" rare "$rare" --method deepreduce --budget 0.125 --seed "$seed" \
      --against "$out/deepreduce-0.125-$seed.onnx" "${options[@]}"
  done
}

# firm SEED: where identities have cost most, multipliers that may grow further
firm() {
  reduced "snl-firm-0.06-$1" rare "$rare" --method snl --budget 0.06 --seed "$1" \
    --mitigate primal-dual --multiplier-cap 0.75 --against "$out/snl-0.06-$1.onnx"
}

# by_shift SEED: the protected attribute apart from the label
by_shift() {
  local seed=$1
  reduced "shifted-0.125-$seed" shifted "$shifted" --method deepreduce --budget 0.125 --seed "$seed"
  reduced "shifted-dual-0.125-$seed" shifted "$shifted" --method deepreduce --budget 0.125 --seed "$seed" \
    --mitigate primal-dual --multiplier-cap "$cap" --groups shift --against "$out/shifted-0.125-$seed.onnx"
}

# beside COMMAND...: in the background, as soon as fewer than `jobs` run; one that fails ends the script
beside() {
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
  "$@" &
}

# finished: waits for all of them
finished() {
  while [ -n "$(jobs -p)" ]; do wait -n; done
}

beside original rare "$rare"
beside original shifted "$shifted"
finished
for seed in $seeds; do
  for method in $methods; do beside by_method "$seed" "$method"; done
  beside by_shift "$seed"
done
finished

lines=()
for method in $methods; do
  for budget in $budgets; do lines+=("$method@$budget=$out/$method-$budget-[0-9]*.onnx"); done
  for budget in $mitigated; do lines+=("$method, primal-dual@$budget=$out/$method-dual-$budget-[0-9]*.onnx"); done
done
[[ " $methods " != *" snl "* ]] || lines+=("snl, firm@0.06=$out/snl-firm-0.06-[0-9]*.onnx")
for variant in $variants; do
  lines+=("deepreduce, $variant@0.125=$out/deepreduce-$variant-0.125-[0-9]*.onnx")
done
echo "== reports"
reluctant fairness "$out/rare.onnx" "${lines[@]}" --data "$rare" --min-group 100 --report "$reports/rare-classes" > /dev/null
reluctant fairness "$out/shifted.onnx" "deepreduce@0.125=$out/shifted-0.125-[0-9]*.onnx" \
  "deepreduce, primal-dual@0.125=$out/shifted-dual-0.125-[0-9]*.onnx" --data "$shifted" --groups shift \
  --report "$reports/protected-attribute" > /dev/null
node tests/bench/fairness-tables.ts "$out" "$reports" > "$reports/table.md.part"
mv "$reports/table.md.part" "$reports/table.md"
cat "$reports/table.md"
