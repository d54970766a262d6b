/**
 * The one table of commands: groups, summaries, words and options. The help, the answer to a misspelt word
 * and the completion of shells are made of it. A test holds it to what each command says of itself.
 */

/**
 * What may follow a word: further words, and options. An option that takes a value ends with an equals sign.
 */
export type Words = {
  summary: string
  words?: Record<string, Words>
  options?: string[]
  /** Of options whose values are known. */
  values?: Record<string, string[]>
}

type Command = Words & {
  group: Group
  /**
   * Its words are the operations of a management API, which its OpenAPI file names, and what the command
   * itself adds to them.
   */
  isApi?: true
}

export const GROUPS = {
  trying: 'Try it on this machine',
  managing: 'Manage servers and services',
  judging: 'Judge evidence and events, without a server',
  measuring: 'Measure',
  developing: 'This installation and its sources',
} as const

type Group = keyof typeof GROUPS

export type CommandName = keyof typeof COMMANDS

const EVENTS = ['--file=', '--content-type=', '--lines']
const LOAD = ['--seconds=', '--connections=', '--network=', '--json']
const DOCTOR = ['--configuration=', '--running', '--time-source=', '--json']
const AUDIT = ['--keys=', '--authority=']
const ADAPTER: Record<string, Words> = {
  describe: { summary: 'print the document of what it offers', options: ['--configuration='] },
  register: {
    summary: 'make it a service of the own security server',
    options: ['--configuration=', '--client=', '--url=', '--key-file=', '--enable'],
  },
}

const service = (summary: string, more: Record<string, Words> = {}): Words => ({
  summary,
  options: ['--configuration='],
  words: { ...ADAPTER, ...more },
})

const runs = (summary: string): Words => ({ summary, options: ['--configuration='] })

export const COMMANDS = {
  sandbox: {
    group: 'trying',
    summary: 'a whole instance on this machine, with exchanges to look at',
    options: [
      ...['--once', '--living', '--lean', '--days=', '--directory=', '--fresh', '--network=', '--instance='],
      ...['--no-exchange', '--catalogue', '--no-installation', '--json'],
    ],
  },
  mock: {
    group: 'trying',
    summary: 'answers as a described service would, before there is a right to the real one',
    options: ['--description=', '--listen=', '--certificate=', '--key=', '--client-certificate='],
  },
  wallet: {
    group: 'trying',
    summary: 'a wallet on this machine, to sign in with and to agree by',
    options: ['--issuer=', '--key=', '--person=', '--address=', '--port='],
  },
  registry: {
    group: 'managing',
    summary: "every operation of a registry's management API, and a registry from a file",
    isApi: true,
  },
  server: {
    group: 'managing',
    summary: "every operation of a security server's management API",
    isApi: true,
  },
  join: {
    group: 'managing',
    summary: 'makes this machine a further node of a security server, from one secret',
    options: [
      ...['--secret-file=', '--configuration=', '--directory=', '--set='],
      ...['--refresh', '--from=', '--yes'],
    ],
  },
  'delete-shared-file': {
    group: 'managing',
    summary: 'deletes a retired log key on all nodes of a security server',
    options: ['--configuration='],
  },
  adapter: {
    group: 'managing',
    summary: "a system of one's own as a service of a security server: describe and register it",
    words: {
      events: {
        summary: 'one-way messages from and to a broker',
        options: ['--configuration=', '--check'],
      },
      file: service('CSV, JSON and XML files'),
      'file-messages': runs('files as one-way messages'),
      http: service('an HTTP system'),
      'life-events': service('events of other agencies as offers to people'),
      mandates: service('a register of who may act for whom'),
      'rest-as-soap': service('a REST service as a SOAP service'),
      soap: service('operations of a SOAP service', {
        import: {
          summary: "settings made of those of X-Road's REST adapter service",
          options: ['--consumer=', '--provider=', '--output='],
        },
      }),
      sql: service('tables, views and queries', {
        draft: {
          summary: 'settings made of the tables of a database',
          options: ['--database=', '--password-file=', '--authority-file='],
        },
      }),
      'sql-messages': runs('rows of an outbox table as one-way messages'),
    },
  },
  doctor: {
    group: 'managing',
    summary: 'whether this machine is fit for a server, and what to do next',
    options: ['--time-source=', '--json'],
    words: {
      'security-server': { summary: 'before and while it runs', options: DOCTOR },
      'central-registry': { summary: 'before and while it runs', options: DOCTOR },
      'configuration-proxy': { summary: 'before and while it runs', options: DOCTOR },
    },
  },
  verify: {
    group: 'judging',
    summary:
      'judge a message container (ASiC-E), a bundle, an archive, an export, a statement, a presentation or a consent',
    options: [
      ...['--conf=', '--witnesses=', '--previous=', '--issuers=', '--verifiers='],
      ...['--codes=', '--max-status-age='],
      ...['--log-key=', '--entry=', '--did=', '--proof=', '--issuer=', '--page=', '--json'],
    ],
  },
  log: {
    group: 'judging',
    summary: "verify a whole message log, or a registry's transparency log",
    words: {
      verify: {
        summary: 'every record, signature, time-stamp, tree and signed state',
        options: [
          ...['--keys=', '--bodies=', '--conf=', '--witnesses=', '--state=', '--full', '--checkpoint='],
          ...['--json'],
        ],
      },
      check: {
        summary: 'the whole transparency log of a registry, and that it only grew',
        options: ['--log-key=', '--witnesses=', '--state=', '--identities', '--json'],
      },
    },
  },
  'audit-order': {
    group: 'judging',
    summary: 'an authority makes audit orders, and checks what servers answered',
    words: {
      key: { summary: 'make the keys of an authority', options: AUDIT },
      create: {
        summary: 'write a signed order',
        options: [
          ...[...AUDIT, '--instance=', '--case=', '--legal-basis=', '--server=', '--from=', '--to='],
          ...['--deadline=', '--party=', '--service=', '--contract=', '--purpose=', '--endpoint='],
          ...['--sample=', '--out='],
        ],
      },
      open: {
        summary: "decrypt and check a server's answer",
        options: ['--keys=', '--order=', '--answer=', '--conf=', '--witnesses=', '--out='],
      },
    },
  },
  event: {
    group: 'judging',
    summary: 'CloudEvents: check, convert, filter, sign, verify',
    words: {
      check: { summary: 'the attributes, and what is wrong', options: EVENTS },
      convert: {
        summary: 'one form into another',
        options: [...EVENTS, '--to=', '--headers-file=', '--data-file='],
      },
      filter: { summary: 'the events that pass', options: [...EVENTS, '--filters='] },
      sign: {
        summary: 'the events with a signature',
        options: [...EVENTS, '--key=', '--certificate=', '--extension='],
      },
      verify: {
        summary: 'who signed, and what is covered',
        options: [...EVENTS, '--certificate=', '--at=', '--extension='],
      },
    },
  },
  bench: {
    group: 'measuring',
    summary: 'exchanges beside a bare pair of proxies, logs, registries, adapters',
    words: {
      exchange: {
        summary: 'exchanges beside a bare pair of proxies',
        options: [...LOAD, '--case=', '--beside', '--postgresql=', '--profile='],
      },
      compare: {
        summary: 'the servers of this checkout and of another one, in turn',
        options: ['--case=', '--rounds=', '--seconds=', '--connections=', '--scrape=', '--json'],
      },
      adapter: {
        summary: 'the SQL adapter beside a service written by hand',
        options: [...LOAD, '--postgresql=', '--mariadb='],
      },
      backlog: {
        summary: 'the recovery after an outage of the time-stamping authority',
        options: ['--signatures=', '--signers=', '--json'],
      },
      consents: {
        summary: 'calls that need a consent beside calls that need none',
        options: ['--people=', '--rounds=', '--connections=', '--network=', '--postgresql=', '--json'],
      },
      deliveries: { summary: 'one-way messages beside exchanges', options: LOAD },
      large: {
        summary: 'bodies larger than memory',
        options: ['--megabytes=', '--directory=', '--network=', '--json'],
      },
      log: {
        summary: 'a large message log',
        options: ['--records=', '--directory=', '--json'],
      },
      portal: {
        summary: "the citizens' portal: the first rows, and all",
        options: ['--uses=', '--systems=', '--answer-ms=', '--looks=', '--network=', '--json'],
      },
      registry: {
        summary: 'a registry of a whole country',
        options: ['--members=', '--subsystems=', '--servers=', '--contracts=', '--network=', '--json'],
      },
      signature: { summary: 'the verification of one signature', options: ['--times=', '--json'] },
      tracker: {
        summary: 'how long people wait who ask who used their data',
        options: ['--exchanges=', '--database=', '--questions=', '--directory=', '--json'],
      },
      writers: {
        summary: 'processes that append to one log on PostgreSQL',
        options: ['--postgresql=', '--writers=', '--at-once=', '--seconds=', '--rounds=', '--json'],
      },
    },
  },
  docs: { group: 'developing', summary: 'the documents as pages with a search', options: ['--output='] },
  completion: {
    group: 'developing',
    summary: 'lets a shell complete commands and options',
    words: {
      bash: { summary: 'for bash' },
      zsh: { summary: 'for zsh' },
      fish: { summary: 'for fish' },
    },
  },
  console: { group: 'developing', summary: 'build the web pages that the servers give' },
  build: { group: 'developing', summary: 'write the servers as programs that start sooner' },
  package: {
    group: 'developing',
    summary: 'write an image, a Debian package, an archive or a Helm chart for others to install',
    options: ['--output=', '--compression='],
  },
  check: {
    group: 'developing',
    summary: 'format, lint, types and house rules of this repository',
    options: ['--fix'],
  },
} as const satisfies Record<string, Command>

/** Servers: scripts/concordat replaces itself with their main.ts, so that there is no parent process. */
export const SERVERS: Record<string, string> = {
  'central-registry': 'the registry of an instance',
  'security-server': 'the gateway of an agency',
  'configuration-proxy': 'passes the configuration on into a zone of the network, signed again',
  'life-events': "events of other agencies become offers to people, before an agency's server",
  portal: "the pages where people see who used their data, before an agency's server",
  mandates: "a register of who may act for whom, before an agency's server",
  verifier: "what wallets present, for an agency's own service",
  'subject-keys': "the keys by which a log is searched for people, apart from the agency's server",
  'trust-services': 'certification authority, OCSP responder and TSA for development',
}

/** Undefined for a name that is no command, such as `__proto__`. */
export function commandOf(name: string): Command | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name as CommandName] : undefined
}
