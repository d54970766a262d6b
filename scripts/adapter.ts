/**
 * `concordat adapter <name> ...`: what an adapter offers, and its registration at the own security server.
 * The adapter itself is a server, which scripts/concordat runs.
 */
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { fileAdapter } from '#adapters/file/adapter.ts'
import { httpAdapter } from '#adapters/http/adapter.ts'
import type { Adapter } from '#adapters/kit/adapter.ts'
import { type PublishedDocument, publishedDocument, readSettings } from '#adapters/kit/serve-adapter.ts'
import { type KitSettings, serviceUrl } from '#adapters/kit/settings.ts'
import { lifeEvents } from '#adapters/life-events/adapter.ts'
import { mandatesAdapter } from '#adapters/mandates/adapter.ts'
import { soapAdapter } from '#adapters/soap/adapter.ts'
import { importGateway } from '#adapters/soap/import/import-gateway.ts'
import { restAsSoapAdapter } from '#adapters/soap/rest-as-soap/adapter.ts'
import { sqlAdapter } from '#adapters/sql/adapter.ts'
import { draftSettings } from '#adapters/sql/draft.ts'
import type { DatabaseSettings } from '#adapters/sql/settings.ts'
import { printable } from '#platform/plain-text.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { faultInWords } from './command-line/missing-file.ts'
import { openManagementApi } from './management/client.ts'
import { CommandError } from './management/command-error.ts'
import { registerService } from './management/register-service.ts'
import { registerWsdl } from './management/register-wsdl.ts'

const USAGE = `Usage: concordat adapter <name> --configuration file.yaml
       concordat adapter <name> describe --configuration file.yaml
       concordat adapter <name> register --configuration file.yaml --client INSTANCE:CLASS:CODE:SUBSYSTEM
                                         [--url URL] [--key-file FILE] [--enable]
       concordat adapter sql draft --database file.db
       concordat adapter sql draft --database postgresql://USER@HOST[:PORT]/NAME [--password-file FILE] [--authority-file FILE]
       concordat adapter sql draft --database mariadb://USER@HOST[:PORT]/NAME [--password-file FILE] [--authority-file FILE]
       concordat adapter events --check --configuration file.yaml
       concordat adapter soap import [--consumer consumer-gateway.properties] [--provider provider-gateway.properties]
                                     --output FOLDER

Runs an adapter until SIGTERM or SIGINT. Then a name may follow its own, as in sql-land, which only tells several on one machine apart.

describe prints the document of what it offers (OpenAPI, or WSDL); register makes it a service of the client at the own security server,
or brings the service there to the settings: address, document with its endpoints, TLS certificate. A new service is switched off until it
is enabled, and nobody has a right to it until one is given.

draft prints settings made of the tables of a SQLite file, or of those that a user of PostgreSQL, MariaDB or MySQL may read, to begin with: of
each table only the key is given, the rest are comments. A socket is named by ?host=/path in place of HOST. Another machine needs
--authority-file, so that TLS protects the password.

import writes settings files made of those of X-Road's REST adapter service (consumer and provider gateway), with a comment for each
thing that could not be carried over. consumers.properties and providers.properties lie beside the named files.

  --client    the subsystem whose service it is
  --url       the management API of the security server, or CONCORDAT_SERVER_URL
  --key-file  a file with an API key for it, or CONCORDAT_SERVER_KEY_FILE
  --enable    switch the service on
  --output    where import writes its files; none that exists is changed

events is no service: it carries one-way messages between a broker and the own security server. --check says whether both can be
reached as the settings say, and takes and sends nothing.

Adapters:
  events      one-way messages from and to NATS JetStream, an MQTT broker or Kafka
  file        CSV, JSON and XML files of a folder, or of a directory reached by SFTP
  file-messages
              files that are delivered as one-way messages, and those of inboxes as files; it is no service, and only runs
  http        an HTTP system of one's own: which paths, methods and headers pass, and how the adapter proves who it is
  life-events events of other agencies as offers to people, also as concordat life-events
  mandates    a register of who may act for whom, also as concordat mandates
  rest-as-soap
              a REST service as a SOAP service of X-Road, by a WSDL: as a service, or before the own security server
  soap        operations of a SOAP service, by its WSDL, as POST with JSON
  sql         tables, views and queries of SQLite, PostgreSQL, MariaDB and MySQL
  sql-messages
              rows of an outbox table as one-way messages, and statements for those of inboxes; it is no service, and only runs

Exit code 0 when it was done, 1 when it failed or was refused, 2 for wrong usage or settings.
`

/** What this command needs of an adapter, whatever its settings are. */
type Known = {
  describe(file: string): Promise<{ settings: KitSettings; published: PublishedDocument; isService: boolean }>
}

const ADAPTERS: Record<string, Known> = {
  file: known(fileAdapter),
  http: known(httpAdapter),
  'life-events': known(lifeEvents),
  mandates: known(mandatesAdapter),
  'rest-as-soap': known(restAsSoapAdapter),
  soap: known(soapAdapter),
  sql: known(sqlAdapter),
}

/** Never throws for what users can correct. */
export async function run(args: string[]): Promise<number> {
  try {
    return await runCommand(args)
  } catch (thrown) {
    if (!(thrown instanceof CommandError || thrown instanceof Fault)) throw thrown
    process.stderr.write(`concordat adapter: ${printable(faultInWords(thrown))}\n`)
    if (thrown instanceof CommandError) return thrown.exitCode
    return asFault(thrown).code === 'invalid_configuration' ? 2 : 1
  }
}

async function runCommand(args: string[]): Promise<number> {
  const { values, positionals } = parsed(args)
  if (values.help === true || args.length === 0) {
    process.stdout.write(USAGE)
    return values.help === true ? 0 : 2
  }
  const [name = '', act = '', ...more] = positionals
  if (name === 'events')
    throw new CommandError(2, 'events takes --configuration or --check as its first word')
  const adapter = Object.hasOwn(ADAPTERS, name) ? ADAPTERS[name] : undefined
  if (adapter === undefined) throw new CommandError(2, `there is no adapter ${JSON.stringify(name)}`)
  if (name === 'soap' && act === 'import' && more.length === 0) return importSettings(values)
  if (name === 'sql' && act === 'draft' && more.length === 0) return draft(values)
  if (!['describe', 'register'].includes(act) || more.length > 0)
    throw new CommandError(2, `${name} takes describe or register, or --configuration as its first word`)
  if (values.configuration === undefined) throw new CommandError(2, '--configuration is missing')
  const { settings, published, isService } = await adapter.describe(values.configuration)
  if (act === 'describe') {
    const { type, text } = published
    const shown = type === 'WSDL' ? text.trimEnd() : JSON.stringify(JSON.parse(text), null, 2)
    process.stdout.write(`${shown}\n`)
    return 0
  }
  if (!isService)
    throw new CommandError(
      2,
      'by these settings it asks through the security server, and is no service of it',
    )
  const url = values.url ?? process.env['CONCORDAT_SERVER_URL']
  const keyFile = values['key-file'] ?? process.env['CONCORDAT_SERVER_KEY_FILE']
  if (values.client === undefined) throw new CommandError(2, '--client is missing')
  if (url === undefined || keyFile === undefined)
    throw new CommandError(
      2,
      '--url and --key-file (or CONCORDAT_SERVER_URL and CONCORDAT_SERVER_KEY_FILE) are missing',
    )
  const api = await openManagementApi({ url, keyFile })
  const service = {
    client: values.client,
    url: serviceUrl(settings),
    document: published.text,
    certificate: await certificateOf(settings),
    enable: values.enable === true,
  }
  const done =
    published.type === 'WSDL'
      ? await registerWsdl(api, { ...service, services: published.services })
      : await registerService(api, { ...service, code: settings.service.code })
  process.stdout.write(`${done.map(printable).join('\n')}\n`)
  return 0
}

async function draft(q: {
  database?: string
  'password-file'?: string
  'authority-file'?: string
}): Promise<number> {
  const { database, 'password-file': password, 'authority-file': authority } = q
  if (database === undefined)
    throw new CommandError(2, 'draft needs --database: a SQLite file, or postgresql://... or mariadb://...')
  const text = await draftSettings({
    ...databaseIn(database),
    ...(password !== undefined && { passwordFile: path.resolve(password) }),
    ...(authority !== undefined && { authorityFile: path.resolve(authority) }),
  }).catch((thrown: unknown) => {
    const { what, message } = asFault(thrown)
    throw new CommandError(1, `${database} cannot be read: ${what ?? message}`, thrown)
  })
  process.stdout.write(text)
  return 0
}

function databaseIn(text: string): DatabaseSettings {
  const scheme = /^([a-z]+):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) return { kind: 'sqlite', file: text }
  const kind = Object.hasOwn(KINDS, scheme) ? KINDS[scheme] : undefined
  if (kind === undefined || !URL.canParse(text))
    throw new CommandError(
      2,
      'a database is a file, or postgresql://USER@HOST/NAME, or mariadb://USER@HOST/NAME',
    )
  const { hostname, port, pathname, username, password, searchParams } = new URL(text)
  // Whoever lists the processes of the machine would see it.
  if (password !== '' || searchParams.has('password'))
    throw new CommandError(2, 'a password is not part of --database: name a --password-file')
  const unknown = [...searchParams.keys()].find((name) => name !== 'host' && name !== 'user')
  if (unknown !== undefined)
    throw new CommandError(2, `${unknown} is not part of --database; TLS needs --authority-file`)
  const host = searchParams.get('host') ?? decodeURIComponent(hostname).replace(/^\[|\]$/g, '')
  const user = searchParams.get('user') ?? decodeURIComponent(username)
  return {
    kind,
    ...(host !== '' && { host }),
    ...(port !== '' && { port: Number(port) }),
    ...(pathname.length > 1 && { name: decodeURIComponent(pathname.slice(1)) }),
    ...(user !== '' && { user }),
  }
}

const KINDS: Record<string, 'postgresql' | 'mariadb'> = {
  ...{ postgresql: 'postgresql', postgres: 'postgresql', mariadb: 'mariadb', mysql: 'mariadb' },
}

async function importSettings(q: { consumer?: string; provider?: string; output?: string }): Promise<number> {
  const { consumer, provider, output } = q
  if (output === undefined || (consumer === undefined && provider === undefined))
    throw new CommandError(2, 'import needs --output, and --consumer or --provider')
  for (const { name, text } of await importGateway({ consumer, provider })) {
    const file = path.join(output, name)
    await writeFile(file, text, { flag: 'wx' }).catch((cause: unknown) => {
      const { code } = cause as NodeJS.ErrnoException
      throw new CommandError(1, code === 'EEXIST' ? `${file} exists` : `${file} cannot be written`, cause)
    })
    process.stdout.write(`${file} was written: read its comments first.\n`)
  }
  return 0
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        configuration: { type: 'string' },
        client: { type: 'string' },
        consumer: { type: 'string' },
        database: { type: 'string' },
        'password-file': { type: 'string' },
        'authority-file': { type: 'string' },
        provider: { type: 'string' },
        output: { type: 'string' },
        url: { type: 'string' },
        'key-file': { type: 'string' },
        enable: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (cause) {
    throw new CommandError(2, (cause as Error).message.split('\n', 1)[0]!, cause)
  }
}

/** The first certificate of the file is the adapter's own; the others are those that issued it. */
async function certificateOf({ listen }: KitSettings): Promise<string | undefined> {
  if (listen.certificateFile === undefined) return undefined
  const text = await readFile(listen.certificateFile, 'latin1').catch((cause: unknown) => {
    throw new CommandError(2, `${listen.certificateFile} cannot be read`, cause)
  })
  const [own] = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(text) ?? []
  if (own === undefined) throw new CommandError(2, `${listen.certificateFile} holds no PEM certificate`)
  return own
}

function known<S extends KitSettings>(adapter: Adapter<S>): Known {
  return {
    describe: async (file) => {
      const settings = await readSettings(adapter, file, process.env)
      const published = await publishedDocument(adapter, settings)
      return { settings, published, isService: adapter.isService?.(settings) ?? true }
    },
  }
}
