interface Mark {
  readonly station: { readonly id: string; readonly name: string };
  readonly x: number;
  readonly y: number;
}
export interface Label {
  readonly id: string;
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'middle' | 'end';
}
interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const letter = 6.4;
const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/**
 * Names for marks on a map: above, below, right or left, wherever neither a mark nor another name stands in the way; a name
 * without room is left out (its mark has a tooltip and a row in the table). Later marks lie on top and are named first.
 */
export function placeLabels(
  marks: readonly Mark[],
  named: ReadonlySet<string>,
  width: number,
  height: number,
): Label[] {
  const taken: Box[] = marks.map(({ x, y }) => ({ left: x - 8, right: x + 8, top: y - 8, bottom: y + 8 }));
  const labels: Label[] = [];
  for (const { station, x, y } of marks.toReversed()) {
    if (!named.has(station.id)) continue;
    const text = station.name.split(' – ')[0] ?? station.name;
    const size = text.length * letter;
    const places = [
      { x, y: y - 15, anchor: 'middle', left: x - size / 2 },
      { x, y: y + 23, anchor: 'middle', left: x - size / 2 },
      { x: x + 15, y: y + 4, anchor: 'start', left: x + 15 },
      { x: x - 15, y: y + 4, anchor: 'end', left: x - 15 - size },
    ] as const;
    for (const place of places) {
      const box = { left: place.left, right: place.left + size, top: place.y - 10, bottom: place.y + 2 };
      const isInside = box.left > 2 && box.right < width - 2 && box.top > 2 && box.bottom < height - 2;
      if (
        !isInside ||
        taken.some((other) => overlaps(box, other)) ||
        labels.some((label) => label.text === text)
      )
        continue;
      taken.push(box);
      labels.push({ id: station.id, text, x: place.x, y: place.y, anchor: place.anchor });
      break;
    }
  }
  return labels;
}
