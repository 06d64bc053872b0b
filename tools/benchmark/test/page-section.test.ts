import { describe, expect, it } from 'vitest';
import { parsePage, withSections } from '../src/page-section.ts';

describe('withSections', () => {
  const page = '# Title\n\nOld words.\n\n## First\n\none\n\n## Second\n\ntwo\n';

  it('replaces a section and keeps the others', () => {
    const changed = withSections(page, '# Title\n\nNew words.\n', '## First\n\nnew\n\n## Third\n\nthree\n');
    expect(changed).toBe(
      '# Title\n\nNew words.\n\n## First\n\nnew\n\n## Second\n\ntwo\n\n## Third\n\nthree\n',
    );
  });

  it('starts a page', () => {
    expect(withSections('', '# Title\n', '## First\n\none\n')).toBe('# Title\n\n## First\n\none\n');
  });

  it('writes what it reads', () => {
    expect([...parsePage(withSections(page, '# Title', '## Second\n\ntwo\n')).sections.keys()]).toEqual([
      'First',
      'Second',
    ]);
  });
});
