/** What of a package.json decides about publishing. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly isPrivate: boolean;
  /** Names of the packages of this repository that it needs. */
  readonly needs: readonly string[];
}

/**
 * Packages in an order in which each comes after those that it needs: whoever installs one during a release finds the
 * others. Private packages are left out.
 *
 * @throws Error where two versions are to be published, or packages need each other.
 */
export function publishingOrder(manifests: readonly Manifest[]): readonly Manifest[] {
  const published = manifests.filter(({ isPrivate }) => !isPrivate);
  const versions = new Set(published.map(({ version }) => version));
  if (versions.size > 1)
    throw new Error(`packages have the versions ${[...versions].join(', ')}: run npm run version`);
  const order: Manifest[] = [];
  const left = [...published];
  while (left.length > 0) {
    const next = left.findIndex(({ needs }) => !left.some(({ name }) => needs.includes(name)));
    const [found] = next === -1 ? [] : left.splice(next, 1);
    if (found === undefined)
      throw new Error(`packages need each other: ${left.map(({ name }) => name).join(', ')}`);
    order.push(found);
  }
  return order;
}

/** Why nothing must be published from here; undefined where everything is as it should be. */
export function obstacle(
  { version }: Pick<Manifest, 'version'>,
  {
    changes,
    tag,
    changesets,
    inWorkflow,
  }: {
    readonly changes: string;
    readonly tag: string;
    readonly changesets: number;
    readonly inWorkflow: boolean;
  },
): string | undefined {
  if (version === '0.0.0') return 'nothing was versioned: npm run version';
  if (changesets > 0) return `${changesets} changesets are not in a version yet: npm run version`;
  if (changes !== '') return 'there are changes that are not committed';
  if (tag !== `v${version}`) return `the commit is not tagged v${version}`;
  return inWorkflow
    ? undefined
    : 'provenance needs a workflow with id-token: write; --dry-run works anywhere';
}
