/** What every machine needs, whatever runs on it: Node, memory, open files, a user of its own. */
import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { type Finding, notLooked, toDo, well } from './finding.ts'

const NODE = 26
const MIB = 2 ** 20
/**
 * A server needs 130 to 400 MB; reading a configuration of a whole country takes 400 MB more for a moment
 * (docs/measured/registry.md).
 */
const MEMORY = 1024 * MIB
const OPEN_FILES = 4096

export async function lookAtMachine(): Promise<Finding[]> {
  return [nodeOf(process.versions.node), userOf(process.getuid?.()), await memory(), await openFiles()]
}

export function nodeOf(version: string): Finding {
  return Number(version.split('.')[0]) >= NODE
    ? well('node', version)
    : toDo('node', version, `install Node ${NODE} or newer; the packages bring their own`)
}

function userOf(uid: number | undefined): Finding {
  if (uid === undefined) return notLooked('user', 'this system has no users')
  return uid === 0
    ? toDo('user', 'root', 'run servers, and this command, as a user of their own, such as concordat')
    : well('user', `user ${uid}`)
}

async function memory(): Promise<Finding> {
  // Within a container its limit counts (cgroup v2).
  const limit = Number((await text('/sys/fs/cgroup/memory.max'))?.trim())
  const bytes = Number.isFinite(limit) ? Math.min(limit, totalmem()) : totalmem()
  return memoryOf(bytes)
}

export function memoryOf(bytes: number): Finding {
  const found = `${Math.round(bytes / MIB)} MiB`
  return bytes >= MEMORY
    ? well('memory', found)
    : toDo('memory', found, `give the machine or the container at least ${MEMORY / MIB} MiB`)
}

async function openFiles(): Promise<Finding> {
  const limits = await text('/proc/self/limits')
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits ?? '')?.[1]
  if (soft === undefined) return notLooked('open files', 'the limit cannot be read here')
  return soft === 'unlimited' || Number(soft) >= OPEN_FILES
    ? well('open files', `at most ${soft}`)
    : toDo('open files', `at most ${soft}`, `raise the limit to 65536 (LimitNOFILE of the unit, ulimit -n)`)
}

function text(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}
