/** Tiny ONNX models, made with Python's `onnx.helper` and checked by `onnx.checker`. */
const models = {
  /** y = x @ w + b; x float[2,3], w float[3,4], b float[4]. */
  affine:
    'CAg6dgoRCgF4CgF3EgFwIgZNYXRNdWwKDgoBcAoBYhIBeSIDQWRkEgFnWhMKAXgSDgoMCAESCAoCCAIKAggDWhMKAXcSDgoM' +
    'CAESCAoCCAMKAggEWg8KAWISCgoICAESBAoCCARiEwoBeRIOCgwIARIICgIIAgoCCARCBAoAEBE=',
  /** Identity of every input `name` to output `nameOut`: i64, flag, empty, f64, u8. */
  copies:
    'CAg63QIKFwoDaTY0EgZpNjRPdXQiCElkZW50aXR5ChkKBGZsYWcSB2ZsYWdPdXQiCElkZW50aXR5ChsKBWVtcHR5EghlbXB0' +
    'eU91dCIISWRlbnRpdHkKFwoDZjY0EgZmNjRPdXQiCElkZW50aXR5ChUKAnU4EgV1OE91dCIISWRlbnRpdHkSAWdaEQoDaTY0' +
    'EgoKCAgHEgQKAggCWhIKBGZsYWcSCgoICAkSBAoCCANaFwoFZW1wdHkSDgoMCAESCAoCCAAKAggCWg0KA2Y2NBIGCgQICxIA' +
    'WhQKAnU4Eg4KDAgCEggKAggCCgIIAmIUCgZpNjRPdXQSCgoICAcSBAoCCAJiFQoHZmxhZ091dBIKCggICRIECgIIA2IaCghl' +
    'bXB0eU91dBIOCgwIARIICgIIAAoCCAJiEAoGZjY0T3V0EgYKBAgLEgBiFwoFdThPdXQSDgoMCAISCAoCCAIKAggCQgQKABAR',
  /** y = sin applied n times to x; n int64, x float[1024]. */
  loop:
    'CAg6yQEKkgEKAW4KAAoBeBIBeSIETG9vcCp/CgRib2R5MnQKEQoBYxICYzIiCElkZW50aXR5CgwKAWESAmEyIgNTaW4SBGJv' +
    'ZHlaCwoBaRIGCgQIBxIAWgsKAWMSBgoECAkSAFoQCgFhEgsKCQgBEgUKAwiACGIMCgJjMhIGCgQICRIAYhEKAmEyEgsKCQgB' +
    'EgUKAwiACKABBRIBZ1oLCgFuEgYKBAgHEgBaEAoBeBILCgkIARIFCgMIgAhiEAoBeRILCgkIARIFCgMIgAhCBAoAEBE=',
  /** next = state + delta, twice = 2 next; float[3]. */
  accumulate:
    'CAg6iwEKGQoFc3RhdGUKBWRlbHRhEgRuZXh0IgNBZGQKGAoEbmV4dAoEbmV4dBIFdHdpY2UiA0FkZBIBZ1oTCgVzdGF0ZRIK' +
    'CggIARIECgIIA1oTCgVkZWx0YRIKCggIARIECgIIA2ISCgRuZXh0EgoKCAgBEgQKAggDYhMKBXR3aWNlEgoKCAgBEgQKAggD' +
    'QgQKABAR',
  /** y = x[i]; x float[3], i int64[1]: fails while it runs when i is out of range. */
  gather:
    'CAg6SQoRCgF4CgFpEgF5IgZHYXRoZXISAWdaDwoBeBIKCggIARIECgIIA1oPCgFpEgoKCAgHEgQKAggBYg8KAXkSCgoICAES' +
    'BAoCCAFCBAoAEBE=',
  /** y = the layer normalization of a + b, with scale and bias; a, b float[1,2,2], scale, bias float[2]; epsilon 0.25. */
  normalizedSum:
    'CAgSADrDAQoOCgFhCgFiEgFzIgNBZGQKOgoBcwoFc2NhbGUKBGJpYXMSAXkiEkxheWVyTm9ybWFsaXphdGlvbioRCgdlcHNp' +
    'bG9uFQAAgD6gAQESAWdaFwoBYRISChAIARIMCgIIAQoCCAIKAggCWhcKAWISEgoQCAESDAoCCAEKAggCCgIIAloTCgVzY2Fs' +
    'ZRIKCggIARIECgIIAloSCgRiaWFzEgoKCAgBEgQKAggCYhcKAXkSEgoQCAESDAoCCAEKAggCCgIIAkIECgAQEQ==',
};

/** The bytes of a model. */
export const modelBytes = (name: keyof typeof models): Uint8Array =>
  Uint8Array.from(Buffer.from(models[name], 'base64'));
