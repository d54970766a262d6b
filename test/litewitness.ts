/**
 * Torchwood's litewitness, a C2SP witness that others wrote, as a process on a loopback address; its key is
 * in an ssh-agent of its own.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { hash, randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import { findProgram } from './outside-tools.ts'
import { until } from './until.ts'

/** Where scripts/test/outside-tools.sh puts it. */
const PROGRAM = path.join(homedir(), '.cache/concordat/litewitness-0.6.1/litewitness')

export const hasLitewitness = (): boolean => existsSync(PROGRAM) && findProgram(['ssh-agent']) !== undefined

/** Starts it for one log; returns its address and its verifier key. */
export async function startLitewitness(
  t: Test,
  log: { origin: string; key: string },
): Promise<{ url: string; verifierKey: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'litewitness-'))
  const running: ChildProcess[] = []
  t.teardown(() => {
    for (const process of running) process.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  const [file, agent, key] = ['db', 'agent', 'key'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ]
  running.push(spawn('ssh-agent', ['-D', '-a', agent], { stdio: 'ignore' }))
  await until('the agent', () => existsSync(agent))
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: agent } })
  const print = execFileSync('ssh-keygen', ['-lf', `${key}.pub`], { encoding: 'utf8' }).split(' ')[1]!
  const database = new DatabaseSync(file)
  database.exec(`CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL);
    CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))`)
  database.prepare('INSERT INTO log VALUES (?, 0, ?)').run(log.origin, hash('sha256', '', 'base64'))
  database.prepare('INSERT INTO key VALUES (?, ?)').run(log.origin, log.key)
  database.close()
  const listen = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}:7380`
  const args = ['-name', 'lite.example/w', '-db', file, '-ssh-agent', agent, '-key', print, '-listen', listen]
  const witness = spawn(PROGRAM, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  running.push(witness)
  let said = ''
  witness.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()))
  const verifierKey = await until('litewitness listens', () =>
    said.includes('listening') ? /vkey="?([^\s"]+)/.exec(said)?.[1] : undefined,
  )
  return { url: `http://${listen}`, verifierKey }
}
