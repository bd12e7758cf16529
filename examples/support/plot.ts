import { writeFile } from 'node:fs/promises';
import { data, tensor } from 'tfk';

/** A point `[x, y]` of a drawing. */
export type Point = readonly [x: number, y: number];
/** What is drawn, given where a point comes to lie on the page. */
export type Mark = (place: (point: Point) => Point) => string;

const [width, height, margin] = [600, 400, 10];

/** A curve through points. */
export const curve =
  (points: readonly Point[], color = '#c00', thickness = 2): Mark =>
  (place) => {
    const path = points.map((p) => place(p).map((v) => v.toFixed(1))).join(' ');
    return `<polyline fill="none" stroke="${color}" stroke-width="${thickness}" points="${path}"/>`;
  };

/** Points as dots. */
export const dots =
  (points: readonly Point[], color = '#c00', radius = 2): Mark =>
  (place) =>
    points
      .map((p) => place(p).map((v) => v.toFixed(1)))
      .map(([x, y]) => `<circle cx="${x}" cy="${y}" r="${radius}" fill="${color}"/>`)
      .join('');

/** Writes marks as SVG, or as PNG where the file's name says so; `lower` and `upper` are the corners that the page shows. */
export async function draw(file: string, lower: Point, upper: Point, marks: readonly Mark[]): Promise<void> {
  const along = (v: number, axis: 0 | 1) => (v - lower[axis]) / (upper[axis] - lower[axis]);
  const body = marks.map((mark) => mark(([x, y]) => [width * along(x, 0), height * (1 - along(y, 1))]));
  const box = `${-margin} ${-margin} ${width + 2 * margin} ${height + 2 * margin}`;
  const frame = `<rect width="${width}" height="${height}" fill="#fff" stroke="#ccc"/>`;
  const drawing = svg(box, [frame, ...body]);
  if (!file.endsWith('.png')) return writeFile(file, drawing);
  await data.saveImg(file, await data.loadImg(Buffer.from(drawing), { colorMode: 'rgba' }), { scale: false });
}

/** Writes grey images (pixels in 0..1) side by side as one picture, `columns` in a row. */
export async function saveTiles(
  file: string,
  images: readonly ArrayLike<number>[],
  side: number,
  columns: number,
): Promise<void> {
  const tile = side + 2;
  const [w, h] = [columns * tile, Math.ceil(images.length / columns) * tile];
  const shades = new Float32Array(w * h);
  images.forEach((image, k) => {
    const corner = Math.floor(k / columns) * tile * w + (k % columns) * tile;
    for (let i = 0; i < side * side; i++)
      shades[corner + Math.floor(i / side) * w + (i % side)] = 255 * (image[i] as number);
  });
  await data.saveImg(file, tensor(shades, [h, w, 1]), { scale: false });
}

const svg = (box: string, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}">${parts.join('')}</svg>\n`;
