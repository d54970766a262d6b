/** Credo-TS's wallet as a process that ends with its answer. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { CredoOutcome, CredoTask } from './wallet.ts'

/** Where scripts/test/outside-tools.sh puts it. */
const FOLDER = path.join(homedir(), '.cache/concordat/credo-0.6.3')

export const hasCredo = (): boolean => existsSync(path.join(FOLDER, 'complete'))

export async function answerWithCredo(task: Omit<CredoTask, 'folder'>): Promise<CredoOutcome[]> {
  const program = path.join(import.meta.dirname, 'wallet.ts')
  const wallet = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  wallet.stdin.end(JSON.stringify({ ...task, folder: FOLDER }))
  const said = await text(wallet.stdout)
  // What the packages log stands before the answer.
  return JSON.parse(said.trim().split('\n').at(-1)!) as CredoOutcome[]
}
