import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractTypeScriptConfig from 'dependency-cruiser/config-utl/extract-ts-config';

/** Checks the imports against .dependency-cruiser.cjs; ends with 1 on a violation, or when it has seen no module. */
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { forbidden, options } = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
const folders = ['src', 'scripts', 'test', 'bench', 'deploy', 'web/src'].filter((folder) =>
  existsSync(folder),
);

const result = await cruise(folders, { ...options, ruleSet: { forbidden }, validate: true }, undefined, {
  tsConfig: extractTypeScriptConfig('tsconfig.json'),
});
const { modules, summary } = result.output as ICruiseResult;
const own = modules.filter(({ source }) => folders.some((folder) => source.startsWith(`${folder}/`)));
const dependencies = own.reduce((sum, module) => sum + module.dependencies.length, 0);

for (const { rule, from, to, cycle } of summary.violations) {
  const way = cycle?.length ? cycle.map(({ name }) => name).join(' -> ') : to;
  console.log(`${rule.name}\n  ${from} -> ${way}`);
}
console.log(`${own.length} modules, ${dependencies} imports, ${summary.violations.length} violations`);
// A check that sees nothing must not look like one that finds nothing wrong.
if (own.filter(({ source }) => source.startsWith('src/')).length === 0 || dependencies === 0) {
  console.log(
    'No module of src was seen. The check did not work: is TypeScript installed in a version it reads?',
  );
  process.exitCode = 1;
} else if (summary.violations.length > 0) process.exitCode = 1;
