/**
 * Makes system calls of a running process fail with strace, as a broken disk would: from `breakCalls` until
 * `mend`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { findProgram } from './outside-tools.ts'

type BrokenCalls = {
  /** How many calls have failed so far. */
  count(): number
  /** Lets the calls succeed again; returns how many failed. */
  mend(): Promise<number>
  /** Call when the process is gone: strace sometimes waits for ever for one of its threads. */
  end(): Promise<void>
}

/** Why no call can be made to fail on this machine; undefined when it can. */
export function noStrace(): string | undefined {
  const strace = findProgram(['strace'])
  if (strace === undefined) return 'strace is not installed'
  // A container may forbid ptrace; Yama may forbid it for processes that are not its children. The parent
  // process is not tried, because other tests have the same parent, and a traced process cannot be traced
  // twice.
  const { stderr } = spawnSync(strace, ['-p', `${process.pid}`, '-e', 'trace=none', '-o', '/dev/null'], {
    timeout: 500,
    killSignal: 'SIGINT',
    encoding: 'utf8',
  })
  return /not permitted|EPERM|denied/i.test(stderr) ? 'this machine lets no process trace another' : undefined
}

/**
 * All threads of process `pid` get `fault` ("error=EIO", "retval=10") at these calls: only on `paths` when
 * given (exact file names), and only at the calls that `when` selects in each thread ("1", "2..5").
 */
export async function breakCalls(q: {
  pid: number
  calls: string[]
  fault: string
  when?: string
  paths?: string[]
}): Promise<BrokenCalls> {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-strace-'))
  // Also when a test never calls `mend`.
  const forget = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', forget)
  const output = path.join(folder, 'calls')
  const calls = q.calls.join(',')
  const fault = q.when === undefined ? q.fault : `${q.fault}:when=${q.when}`
  const child = spawn(
    'strace',
    [
      ...['-f', '-p', `${q.pid}`, '-o', output],
      ...['-e', `trace=${calls}`, '-e', `inject=${calls}:${fault}`],
      ...(q.paths ?? []).flatMap((file) => ['-P', file]),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const ended = once(child, 'exit')
  const lines = createInterface(child.stderr)
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      said.push(line)
      if (/ attached/.test(line)) resolve()
    })
    void ended.then(() => reject(new Error(`strace ended: ${said.join('; ')}`)))
  })
  const count = (): number => readFileSync(output, 'utf8').match(/\(INJECTED\)/g)?.length ?? 0
  return {
    count,
    async end() {
      child.kill('SIGKILL')
      await ended
      process.off('exit', forget)
      forget()
    },
    async mend() {
      child.kill('SIGINT')
      await ended
      const failed = count()
      process.off('exit', forget)
      forget()
      return failed
    },
  }
}

/**
 * Where a process is killed: at the first of these calls, or at the one that `when` selects, on one of these
 * paths.
 */
export type Aim = { what: string; calls: string[]; when?: string; paths?: string[] }

/**
 * Starts a script that prints `begins` and waits for the end of its standard input before it works, and kills
 * it at the aim. Resolves to whether the aim was reached; throws when the script failed.
 */
export async function killAt(aim: Aim, script: string, ...given: string[]): Promise<boolean> {
  const child = spawn(process.execPath, [script, ...given], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>
  let broken: BrokenCalls | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== 'begins') continue
    const { what: _what, ...calls } = aim
    broken = await breakCalls({ pid: child.pid!, ...calls, when: aim.when ?? '1', fault: 'signal=SIGKILL' })
    child.stdin.end()
  }
  await broken?.end()
  const [code, signal] = await ended
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`${aim.what}: it ended with ${code ?? signal}`)
  return signal === 'SIGKILL'
}
