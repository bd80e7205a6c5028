import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configJsonSchema } from '../src/app/config/schema.ts';

/** Writes the JSON schema of `atalaia.yaml`, by which editors complete and check it. */
const path = fileURLToPath(new URL('../docs/atalaia.schema.json', import.meta.url));
writeFileSync(path, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
