/** Lists the packages of others in a package of ours, as CycloneDX 1.6 names them. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Source } from './read-source.ts'

/** `purl`: a package URL, by which scanners know the package. */
export type Component = { name: string; version: string; license?: string; purl: string }

/** `folders`: of npm's packages. Each package once, by name. */
export async function componentsOf(folders: string[]): Promise<Component[]> {
  const found = new Map<string, Component>()
  for (const folder of folders) {
    const manifest: unknown = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'))
    const { name, version, license } = manifest as { name: string; version: string; license?: unknown }
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
    found.set(purl, { name, version, ...(typeof license === 'string' ? { license } : {}), purl })
  }
  return [...found.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1))
}

/**
 * A document without a serial number and with the commit's time, so that the same content gives the same
 * bytes.
 */
export function billOfMaterials(source: Source, components: Component[]): string {
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(source.seconds * 1000).toISOString(),
      component: { type: 'application', name: 'concordat', version: source.version, 'bom-ref': 'concordat' },
    },
    components: components.map(({ name, version, license, purl }) => ({
      ...{ type: 'library', 'bom-ref': purl, name, version, purl },
      ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
    })),
    dependencies: [{ ref: 'concordat', dependsOn: components.map(({ purl }) => purl) }],
  }
  return `${JSON.stringify(document, null, 2)}\n`
}
