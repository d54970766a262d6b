/** Writes one archive with the tree, a command and the systemd units, for distributions without a package. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { billOfMaterials } from './list-components.ts'
import { ENTRY, ENVIRONMENT, INSTALLED_AT, NODE, NODE_OPTIONS, type Tree } from './stage-tree.ts'
import { USERS_FILE, unitFiles } from './systemd-units.ts'
import { provenanceOf } from './write-provenance.ts'
import { writeTar } from './write-tar.ts'

const run = promisify(execFile)

/** Returns the file. It is unpacked at / and has nothing outside /opt/concordat. */
export async function writeArchive(q: {
  tree: Tree
  work: string
  output: string
  compression: number
}): Promise<string> {
  const { tree } = q
  const { source, components } = tree
  const root = path.join(q.work, 'archive-root')
  const within = INSTALLED_AT.slice(1)
  await mkdir(path.join(root, path.dirname(within)), { recursive: true })
  await rename(tree.folder, path.join(root, within))
  const put = async (name: string, content: string): Promise<void> => {
    const file = path.join(root, within, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, content)
  }
  await put('bin/concordat', command(INSTALLED_AT))
  await chmod(path.join(root, within, 'bin/concordat'), 0o755)
  for (const [name, content] of unitFiles()) await put(`systemd/${name}`, content)
  await put('systemd/sysusers.conf', USERS_FILE)
  await put('bill-of-materials.cdx.json', billOfMaterials(source, components))
  const tar = path.join(q.work, 'archive.tar')
  await writeTar({ file: tar, folder: root, names: [within], seconds: source.seconds })
  await run('gzip', ['--no-name', `-${q.compression}`, tar])
  const file = path.join(q.output, `concordat-${source.version}-linux-x64.tar.gz`)
  const content = await readFile(`${tar}.gz`)
  const sha256 = createHash('sha256').update(content).digest('hex')
  const subject = { name: path.basename(file), sha256 }
  await writeFile(
    `${file}.provenance.json`,
    await provenanceOf({ source, components, kind: 'archive', subject }),
  )
  await writeFile(`${file}.part`, content)
  await rename(`${file}.part`, file)
  return file
}

/** A command for shells. What is set in the environment stays. */
export function command(installedAt: string): string {
  const settings = Object.entries(ENVIRONMENT).map(
    ([name, value]) => `export ${name}="\${${name}:-${value}}"\n`,
  )
  const options = NODE_OPTIONS.map((option) => option.replace(INSTALLED_AT, installedAt)).join(' ')
  return `#!/bin/sh
set -eu
${settings.join('')}exec ${NODE} ${options} ${ENTRY} "$@"
`
}
