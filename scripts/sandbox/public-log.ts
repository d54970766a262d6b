/**
 * The transparency log of a living sandbox for everybody: its settings, and the archive that witnesses it,
 * which somebody else than the registry runs.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { makeWitnessKey, readWitnessKey, WITNESS_KEY_FILE } from '#platform/witness/witness-key.ts'
import { fetchText } from './client.ts'
import { folderOf, type Layout } from './layout.ts'

const REGISTRY_NAME = 'registry.sandbox.example'
const WITNESS_NAME = 'archive.sandbox.example/witness'
const ARCHIVE = 'archive'
/** What the archive's operator was told of the registry's log; and what others need to check it. */
const LOG_KEY_FILE = `${ARCHIVE}/log-key`
const POLICY_FILE = 'registry/log-witnesses.policy'

const urlOf = ({ registry }: Layout): string => `http://${registry.address}:${registry.publicPort}`

/** The lines for the registry's settings; DIDs are made of a name, which nobody resolves here. */
export async function publicLogSettings(layout: Layout): Promise<string> {
  const { archive } = layout
  if (archive === undefined) return ''
  const folder = folderOf(layout, ARCHIVE)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = `${folder}/${WITNESS_KEY_FILE}`
  // It cosigns so that a quantum computer cannot forge it either; the agencies' servers cosign with Ed25519.
  if (!existsSync(file)) makeWitnessKey(file, 'ml-dsa-44')
  const { verifierKey } = await readWitnessKey(file, WITNESS_NAME)
  writeFileSync(
    folderOf(layout, POLICY_FILE),
    `# Who cosigns the head of the registry's transparency log (C2SP tlog-policy).
witness archive ${verifierKey} http://${archive.address}:${archive.port}/witness
quorum archive
`,
    { mode: 0o600 },
  )
  return `publicLog: { name: ${REGISTRY_NAME}, witnessPolicyFile: ./${POLICY_FILE} }
identity: { url: 'https://${REGISTRY_NAME}' }
`
}

/**
 * The registry's operator tells the archive's the key of the log, which the registry has made at its first
 * start.
 */
export async function tellLogKey(layout: Layout): Promise<void> {
  if (layout.archive === undefined) return
  writeFileSync(folderOf(layout, LOG_KEY_FILE), await fetchText(`${urlOf(layout)}/log/key`), { mode: 0o600 })
}

/** What the process with the archive is told. */
export function archiveSettings(layout: Layout): object | undefined {
  return (
    layout.archive && {
      ...layout.archive,
      ...{ name: WITNESS_NAME, directory: folderOf(layout, ARCHIVE) },
      logKeyFile: folderOf(layout, LOG_KEY_FILE),
    }
  )
}

/** For programs: where the log is, and by what it is checked. */
export function describePublicLog(layout: Layout): object | undefined {
  if (layout.archive === undefined) return undefined
  return {
    historyUrl: `${urlOf(layout)}/history`,
    logKeyFile: folderOf(layout, LOG_KEY_FILE),
    witnessPolicyFile: folderOf(layout, POLICY_FILE),
  }
}

/** Lines for whoever wants to check that nobody rewrote history. */
export function sayPublicLog(layout: Layout): string[] {
  const file = folderOf(layout, LOG_KEY_FILE)
  if (layout.archive === undefined || !existsSync(file)) return []
  return [
    `  Nobody rewrote history: ${urlOf(layout)}/history says how to check that. At a terminal:`,
    `    npm exec -- concordat log check ${urlOf(layout)} --log-key '${readFileSync(file, 'utf8').trim()}' \\`,
    `      --witnesses ${folderOf(layout, POLICY_FILE)} --identities`,
  ]
}
