/**
 * Jest runs the compiled tests (`dist/test`) with no transform.
 * TFK_DIST names another build folder.
 */
const dist = process.env.TFK_DIST ?? 'dist';
const project = (displayName, testMatch) => ({
  displayName,
  testMatch: testMatch.map((glob) => `<rootDir>/${dist}/test/${glob}`),
  testEnvironment: '<rootDir>/test/host-environment.cjs',
  transform: {},
  // examples and tests share one library: the sources, not the bundle made of them
  moduleNameMapper: { '^tfk$': `<rootDir>/${dist}/src/index.js` },
  modulePathIgnorePatterns: [],
});
export default {
  // all cores: by default one is left out, half of a small machine
  maxWorkers: '100%',
  // for slow and busy machines: nothing waits this long on purpose, and a test that trains takes its minute
  testTimeout: 600_000,
  projects: [project('fast', ['**/*.test.js']), project('full', ['**/*.full.js'])],
};
