/** Anchors of a page of Markdown: headings, as the forge makes anchors of them, and those of our own, which must not be twice. */
export function anchorsOf(page: string): ReadonlySet<string> {
  const text = page.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '');
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
  const own = [...text.matchAll(/<a id="([\w-]+)">/g)].map(([, id = '']) => id);
  if (new Set(own).size !== own.length) throw new Error('an anchor is there twice');
  return new Set([...headings, ...own]);
}
