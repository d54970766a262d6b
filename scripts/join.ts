/**
 * `concordat join`: makes this machine a further node of a security server or a registry, from the one secret
 * that a running node gave.
 */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { openBundle, proofOf, readJoinSecret } from '#platform/nodes/join-secret.ts'
import { asFault } from '#schemas/fault.ts'
import { askToJoin } from './join/client.ts'
import { readNode } from './join/read-node.ts'
import { refresh } from './join/refresh.ts'
import { checkPlace, checkSet, readBundle, writeNode } from './join/write-node.ts'

const USAGE = `Usage: concordat join --secret-file <file|-> --configuration <new file.yaml> --directory <empty folder> [--set <setting>=<value>]...
       concordat join --refresh --configuration <file.yaml> [--from <node>] [--set <setting>=<value>]... [--yes]

Makes this machine a further node of a security server or of a registry. The secret comes from a running node: concordat server
add-join-secret, then take-join-secret <id>; of a registry with concordat registry. It is good once, for an hour at most. "-" reads it from standard input.

Writes the settings of that node into the new file, the secrets and certificates that they name into the folder secrets beside it, and the
cluster key; --set changes what belongs to this machine: --set peers.address=10.0.0.21 --set clients.https.address=10.0.0.21,
of a registry --set public.address=10.0.0.31 --set admin.address=10.0.0.31.
Run it as the user of the server or registry. Then start the server as usual.

--refresh shows which settings of the whole cluster another node has otherwise than this file, and writes them to it once somebody has said yes, or with
--yes. It reads them from the database. --from names the node, where others do not say the same. Addresses, folders, files and databases stay this machine's own.
Exit code 3: nothing was changed.
`

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      'secret-file': { type: 'string' },
      configuration: { type: 'string' },
      directory: { type: 'string' },
      set: { type: 'string', multiple: true },
      refresh: { type: 'boolean', default: false },
      from: { type: 'string' },
      yes: { type: 'boolean', default: false },
    },
  })
  if (values.refresh && values.configuration && !values.help) {
    const { configuration, from, set = [], yes } = values
    checkSet(set)
    return refresh({ configuration, from, set, yes })
  }
  const { 'secret-file': secretFile, configuration, directory, set = [] } = values
  if (values.help === true || !secretFile || !configuration || !directory) {
    const out = values.help === true ? process.stdout : process.stderr
    out.write(USAGE)
    return values.help === true ? 0 : 2
  }
  const place = { configuration, directory, set }
  await checkPlace(place)
  const text = secretFile === '-' ? await readFile('/dev/stdin', 'utf8') : await readSecret(secretFile)
  const secret = readJoinSecret(text.trim())
  const sealed = await askToJoin(secret.url, { id: secret.id, proof: proofOf(secret) })
  const bundle = readBundle(openBundle(secret, sealed))
  const written = await writeNode(bundle, place)
  process.stdout.write(
    `This is a further node of ${bundle.server}. Written:\n${written.map((file) => `  ${file}\n`).join('')}` +
      bundle.missing
        .map(
          (file) => `That node has no file ${file}, which its settings name: put it here if it is needed.\n`,
        )
        .join('') +
      'Settings that its environment gives it (CONCORDAT_...) are not among these: give this one its own.\n',
  )
  // The secret is used up by now, and all is written: what is wrong with the settings of this machine is
  // mended in the file.
  const wrong = await readNode(bundle.program, configuration).then(() => undefined, asFault)
  if (wrong !== undefined) {
    process.stderr.write(
      `This machine has joined, but its settings have to be mended first in ${configuration}: ${wrong.message}\n`,
    )
    return 1
  }
  process.stdout.write(`Start it: concordat ${bundle.program} --configuration ${configuration}\n`)
  return 0
}
