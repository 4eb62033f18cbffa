import type { Point } from '../../../pipelines/pareto/points.ts';
import { raw } from '../html.ts';
import { html } from '../html.ts';
import { storyOf, titleOf } from './story.ts';

/** Matches the marks of points in a drawn chart, by the id in their `description`. */
const marks =
  /<path aria-label="([0-9a-f]{16})" role="graphics-symbol" aria-roledescription="[^"]*" (transform="[^"]*")([^>]*?)(?:\/>|><\/path>)/g;

/**
 * Makes each mark a link to its point's section, with an area large enough for a finger and the story for a
 * screen reader.
 */
export function linkMarks(svg: string, points: readonly Point[], profiles: readonly string[]): string {
  return replaceMarks(svg, points, (point, mark, place) => {
    const label = [`${titleOf(point)}.`, ...storyOf(point, profiles)].join(' ');
    return html`<a class="point" href="#run-${point.id}" data-run="${point.id}" aria-label="${label}"
      ><circle r="12" fill="transparent" stroke="none" ${raw(place)}></circle>${raw(mark)}</a
    >`.markup;
  });
}

/** Puts the story as a title inside each mark, for a file that is opened by itself. */
export function titleMarks(svg: string, points: readonly Point[], profiles: readonly string[]): string {
  return replaceMarks(svg, points, (point, mark) => {
    const title = html`<title>${[titleOf(point), ...storyOf(point, profiles)].join('\n')}</title>`;
    return mark.replace(/><\/path>$/, `>${title.markup}</path>`);
  });
}

function replaceMarks(
  svg: string,
  points: readonly Point[],
  replacement: (point: Point, mark: string, place: string) => string,
): string {
  const byId = new Map(points.map((point) => [point.id, point]));
  return svg.replaceAll(marks, (whole, id: string, place: string, rest: string) => {
    const point = byId.get(id);
    return point === undefined ? whole : replacement(point, `<path ${place}${rest}></path>`, place);
  });
}
