/** The package's version is in its package.json; its interface follows here. */
export type Placeholder = never;
