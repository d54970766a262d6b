/** New databases on a PostgreSQL server for a bench, dropped at its end. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Layout } from '../sandbox/layout.ts'

type NewDatabases = {
  /** Makes one more, and returns its URL. */
  make(what: string): Promise<string>
  /** Drops all that were made. */
  drop(): Promise<void>
}

type Databases = Pick<NewDatabases, 'drop'> & {
  /** Environment variables by the name of the server's process. */
  environments: Map<string, Record<string, string>>
}

/** `url` names a user who may make databases. */
export function newDatabases(url: string): NewDatabases {
  const run = randomBytes(4).toString('hex')
  const names: string[] = []
  const make = async (what: string): Promise<string> => {
    const name = `concordat_bench_${run}_${what}`
    await ask(url, `create database ${name}`)
    names.push(name)
    const own = new URL(url)
    own.pathname = `/${name}`
    return own.href
  }
  return {
    make,
    drop: async () => {
      for (const name of names) await ask(url, `drop database if exists ${name} with (force)`)
    },
  }
}

/** Two for the security server of each agency. */
export async function makeDatabases(url: string, { agencies }: Layout): Promise<Databases> {
  const { make, drop } = newDatabases(url)
  const environments = new Map<string, Record<string, string>>()
  for (const { key, name } of Object.values(agencies))
    environments.set(`security server of the ${name}`, {
      CONCORDAT_DATABASE: await make(`${key}_server`),
      CONCORDAT_MESSAGE_LOG_DATABASE: await make(`${key}_log`),
    })
  return { environments, drop }
}

async function ask(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
