/**
 * Finds the shared libraries that Node needs, so that an image has these and nothing else of a distribution.
 */
import { execFile } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Fault } from '#schemas/fault.ts'
import type { Component } from './list-components.ts'

const run = promisify(execFile)

/**
 * `files`: as the loader asks for them. `components`: the Debian packages from which they come, if the
 * machine is Debian's.
 */
export async function librariesOf(
  program: string,
): Promise<{ files: string[]; copyrights: string[]; components: Component[] }> {
  const { stdout } = await run('ldd', [program])
  if (/not found/.test(stdout))
    throw new Fault('invalid_input', { what: `a shared library is missing: ${stdout.trim()}` })
  const files = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, file]) => file!).toSorted()
  const components = new Map<string, Component>()
  const copyrights = new Set<string>()
  for (const file of files) {
    const name = await packageOf(file)
    if (name === undefined) continue
    const { stdout: status } = await run('dpkg-query', ['--status', name])
    const version = /^Version: (.+)$/m.exec(status)![1]!
    const plain = name.replace(/:.*$/, '')
    const purl = `pkg:deb/debian/${plain}@${encodeURIComponent(version)}`
    components.set(purl, { name: plain, version, purl })
    copyrights.add(`/usr/share/doc/${plain}/copyright`)
  }
  return { files, copyrights: [...copyrights], components: [...components.values()] }
}

/**
 * A library is registered under the name by which it was installed, before /lib became a link to /usr/lib or
 * after.
 */
async function packageOf(file: string): Promise<string | undefined> {
  for (const name of [file, await realpath(file), (await realpath(file)).replace(/^\/usr/, '')]) {
    const found = await run('dpkg-query', ['--search', name]).catch(() => undefined)
    if (found !== undefined) return found.stdout.split(': ')[0]!
  }
  return undefined
}
