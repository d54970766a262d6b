/**
 * Writes a Debian package: the tree at /opt/concordat, a command, users, and hardened systemd units. Needs
 * dpkg-deb and tar.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { AFTER_INSTALLATION, AFTER_REMOVAL } from './debian-scripts.ts'
import { billOfMaterials } from './list-components.ts'
import { INSTALLED_AT, type Tree } from './stage-tree.ts'
import { USERS_FILE, unitFiles } from './systemd-units.ts'
import { command } from './write-archive.ts'
import { provenanceOf } from './write-provenance.ts'

const run = promisify(execFile)
const DOCUMENTS = 'usr/share/doc/concordat'

/**
 * Returns the file. The contents belong to root; a service is neither enabled nor started by the
 * installation.
 */
export async function writeDebianPackage(q: {
  tree: Tree
  work: string
  output: string
  compression: number
}): Promise<string> {
  const { tree } = q
  const root = path.join(q.work, 'debian-root')
  const put = async (name: string, content: string, mode = 0o644): Promise<void> => {
    const file = path.join(root, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, content)
    await chmod(file, mode)
  }
  await mkdir(path.join(root, path.dirname(INSTALLED_AT)), { recursive: true })
  await rename(tree.folder, path.join(root, INSTALLED_AT))
  await put('usr/bin/concordat', command(INSTALLED_AT), 0o755)
  for (const [name, content] of unitFiles()) await put(`usr/lib/systemd/system/${name}`, content)
  await put('usr/lib/sysusers.d/concordat.conf', USERS_FILE)
  await cp(path.join(root, INSTALLED_AT, 'LICENSE'), path.join(root, DOCUMENTS, 'copyright'), {
    recursive: true,
  })
  await put(`${DOCUMENTS}/bill-of-materials.cdx.json`, billOfMaterials(tree.source, tree.components))
  await put('DEBIAN/control', controlOf(tree.source.version, await kilobytesOf(root)))
  await put('DEBIAN/postinst', AFTER_INSTALLATION, 0o755)
  await put('DEBIAN/postrm', AFTER_REMOVAL, 0o755)
  await openToAll(root)
  const file = path.join(q.output, `concordat_${tree.source.version}_amd64.deb`)
  const options = ['--root-owner-group', '-Zgzip', `-z${q.compression}`]
  await run('dpkg-deb', [...options, '--build', root, `${file}.part`], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(tree.source.seconds), LC_ALL: 'C' },
  })
  const sha256 = createHash('sha256')
    .update(await readFile(`${file}.part`))
    .digest('hex')
  const subject = { name: path.basename(file), sha256 }
  const { source, components } = tree
  await writeFile(
    `${file}.provenance.json`,
    await provenanceOf({ source, components, kind: 'debian', subject }),
  )
  await rename(`${file}.part`, file)
  return file
}

function controlOf(version: string, kilobytes: number): string {
  return `Package: concordat
Version: ${version}
Architecture: amd64
Section: net
Priority: optional
Maintainer: The Concordat authors <concordat@concordat.invalid>
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1, libatomic1
Installed-Size: ${kilobytes}
Description: data exchange between organisations, signed, logged and provable
 A security server signs, encrypts and logs the messages that an agency
 exchanges with others, and a central registry says who they are. Speaks
 X-Road's protocols. Contains Node.
`
}

async function kilobytesOf(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(path.join(entry.parentPath, entry.name))).size
  return Math.ceil(bytes / 1024)
}

/** Whatever the umask of who builds: all may read, and run what is a program. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    const runs = entry.isDirectory() || ((await stat(file)).mode & 0o100) !== 0
    await chmod(file, runs ? 0o755 : 0o644)
  }
}
