/**
 * Child processes of the sandbox: started with a configuration file, ready when they say so, stopped by their
 * process id.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import path from 'node:path'

export type Started = { name: string; pid: number; stop(): Promise<void>; kill(): Promise<void> }

const READY_MS = 180_000
const DRAIN_MS = 20_000

/** A server of the command line, started like an operator does, with the launcher's options for Node. */
export function serverCommand(server: string): string[] {
  return [new URL('../concordat', import.meta.url).pathname, server]
}

/** A script of this repository, run with this Node. */
export function scriptCommand(script: string): string[] {
  return [process.execPath, script]
}

/**
 * Starts a command and waits until it is ready. Its log lines are written to `<directory>/<name>.log`.
 * Rejects with its standard error when it ends before it is ready.
 */
export async function startProcess(q: {
  name: string
  command: string[]
  args: string[]
  directory: string
  /** Environment variables, which override the settings file. */
  environment?: Record<string, string> | undefined
  onExit?: (name: string, why: string) => void
  /** Aborted before the process is stopped, it stops it. */
  signal?: AbortSignal | undefined
}): Promise<Started> {
  q.signal?.throwIfAborted()
  const output = openSync(path.join(q.directory, `${q.name}.log`), 'a')
  const [file, ...before] = q.command
  const child = spawn(file!, [...before, ...q.args], {
    ...(q.environment === undefined ? {} : { env: { ...process.env, ...q.environment } }),
    stdio: ['ignore', output, 'pipe', 'ipc'],
  })
  let errors = ''
  child.stderr!.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4000)
  })
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`))
  })
  let stopping = false
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    stopping = true
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS)
    await ended
    clearTimeout(late)
  }
  const stop = (): void => void end('SIGTERM')
  q.signal?.addEventListener('abort', stop)
  void ended.then(() => q.signal?.removeEventListener('abort', stop))
  await ready(child, q.name, ended, () => errors)
  void ended.then((why) => {
    if (!stopping) q.onExit?.(q.name, `${why}${errors === '' ? '' : `: ${errors.trim()}`}`)
  })
  return { name: q.name, pid: child.pid!, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

function ready(
  child: ChildProcess,
  name: string,
  ended: Promise<string>,
  errors: () => string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${name} was not ready after ${READY_MS / 1000} s`))
    }, READY_MS)
    child.on('message', (message) => {
      if ((message as { ready?: boolean }).ready !== true) return
      clearTimeout(late)
      resolve()
    })
    void ended.then((why) => {
      clearTimeout(late)
      reject(new Error(`${name} ended (${why}): ${errors().trim() || 'see its log'}`))
    })
  })
}
