/**
 * Only one process at a time has the folder of a sandbox; another one is told which, and where that one
 * listens.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { lockFile } from '#platform/database/lock-file.ts'

const LOCK = '.lock'

type Place = { network: string; instance: string }
/** `place` is missing where a version holds it that noted none. */
export type Holder = { process: string; place: Place | undefined }

/**
 * Holds the folder for this process, or says which process has it. The lock lies beside the folder, because
 * the folder itself is deleted and put aside.
 */
export function holdFolder(
  directory: string,
  { network, instance }: Place,
): { release(): void } | { heldBy: Holder } {
  const file = `${path.resolve(directory)}${LOCK}`
  const note = `${file}-holder`
  mkdirSync(path.dirname(file), { recursive: true })
  try {
    const release = lockFile(file, `a sandbox runs in ${directory}`)
    writeFileSync(note, `${process.pid} ${network} ${instance}\n`, { mode: 0o600 })
    return { release }
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'conflict') throw cause
    return { heldBy: holderIn(note) }
  }
}

function holderIn(note: string): Holder {
  const [id = '', network, instance] = textOf(note).split(' ')
  const isWhole = network !== undefined && instance !== undefined
  return { process: id, place: isWhole ? { network, instance } : undefined }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return 'unknown'
  }
}
