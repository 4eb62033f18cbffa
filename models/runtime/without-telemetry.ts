// onnxruntime 1.30 gives the machine a number, keeps a database of what it ran in ~/.cache/Microsoft, and can
// send it to its makers, unless this is set before its first session. Who sets it to 0 wants that.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
