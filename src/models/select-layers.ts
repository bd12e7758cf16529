import { unknownName } from '../core/registry.ts';
import type { Layer } from '../layers/layer.ts';

/** A name or path of layers, `*` standing for anything, or a regular expression for paths. */
export type LayerPattern = string | RegExp;

/** A layer at any depth, and where it is inside the model: `encoder/block_1/dense`. */
export interface PlacedLayer {
  readonly path: string;
  readonly layer: Layer;
}

/** All layers inside a layer, at any depth, each before those inside it. */
export const layersInside = (outer: Layer, prefix = ''): readonly PlacedLayer[] =>
  outer.sublayers.flatMap((layer) => {
    const path = prefix + layer.name;
    return [{ path, layer }, ...layersInside(layer, `${path}/`)];
  });

/**
 * The layers of a model that any of some patterns matches; all where there are no patterns.
 * @throws {@link ConfigError} for a pattern that no layer matches
 */
export function selectLayers(model: Layer, patterns: readonly LayerPattern[]): readonly Layer[] {
  const placed = layersInside(model);
  if (patterns.length === 0) return placed.map(({ layer }) => layer);
  const chosen = patterns.flatMap((pattern) => {
    const test = testOf(pattern);
    const found = placed.filter(({ path, layer }) => test.test(path) || test.test(layer.name));
    if (found.length > 0) return found;
    const known = placed.map(({ path }) => path);
    throw unknownName(`layer of model "${model.name}"`, String(pattern), known);
  });
  return [...new Set(chosen.map(({ layer }) => layer))];
}

function testOf(pattern: LayerPattern): RegExp {
  if (pattern instanceof RegExp) return new RegExp(pattern, pattern.flags.replace(/[gy]/g, ''));
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
