/**
 * Shows a point's story beside it while it is pointed at or has the keyboard. Without it a click still goes to the story. Text of an inline
 * script: it may not hold the sequence of a closing tag.
 */
export const paretoScript = `
const tip = document.getElementById('tip');
const show = (point) => {
  const story = document.querySelector('#run-' + point.dataset.run + ' .story');
  if (!story) return;
  tip.innerHTML = story.innerHTML;
  tip.hidden = false;
  const at = point.getBoundingClientRect();
  const x = Math.min(Math.max(8, at.left + at.width / 2 - tip.offsetWidth / 2), document.documentElement.clientWidth - tip.offsetWidth - 8);
  const above = at.top - tip.offsetHeight - 8;
  tip.style.left = x + 'px';
  tip.style.top = (above > 8 ? above : at.bottom + 8) + 'px';
};
const hide = () => { tip.hidden = true; };
for (const point of document.querySelectorAll('a.point')) {
  point.addEventListener('pointerenter', () => show(point));
  point.addEventListener('focus', () => show(point));
  point.addEventListener('pointerleave', hide);
  point.addEventListener('blur', hide);
  point.addEventListener('click', hide);
}
addEventListener('scroll', hide, { passive: true });
addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
`;
