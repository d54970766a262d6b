/**
 * Carries out a succession within one transaction, with the stores of members, servers, groups and contracts.
 * The new names are added next to the old ones.
 */

import type { Kysely } from 'kysely'
import type { Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { OWNERS_GROUP } from '#schemas/global-configuration.ts'
import { idText, type MemberId, memberOf, parseClientId, parseServerId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { within } from '../../changes/store.ts'
import type { Happened } from '../../contract-versions/move-version-store.ts'
import { createGroupStore } from '../../groups/store.ts'
import {
  createMemberStore,
  MANAGEMENT_SERVICE_PROVIDER,
  MONITORING_CLIENT,
  mustBeRegistered,
} from '../../members/store.ts'
import { suspendedAmong, suspendedIn } from '../../register/suspended-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { createServerStore } from '../../servers/store.ts'
import { proposeContracts } from './contracts-store.ts'
import { checkPair, type Plan, type Renamed } from './rules.ts'

/** What is taken over. Without `subsystems`: all of them, with the same codes. */
export type Taking = {
  predecessor: MemberId
  successor: MemberId
  subsystems?: { subsystemCode: string; as?: string | undefined }[] | undefined
  /** Codes of the predecessor's own servers. */
  servers: string[]
}

export type Doing = {
  by: string
  at: string
  notify(transaction: Within, happened: Happened): Promise<void>
}

export async function begin(
  transaction: Kysely<RegisterTables>,
  taking: Taking,
  doing: Doing,
): Promise<Plan> {
  const { predecessor, successor } = taking
  const [before, after] = [idText(predecessor), idText(successor)]
  const own = await subsystemsOf(transaction, before)
  await checkBoth(transaction, taking, own)
  const servers = await takeServers(transaction, taking, doing.at)
  const subsystems = await addSubsystems(transaction, taking, own, doing.at)
  // The registrations of the member itself are taken over only if it gives up all subsystems; in a split they
  // stay with it.
  const isWhole = own.every(({ id }) => subsystems.some(({ from }) => from === id))
  const renamed = [...(isWhole ? [{ from: before, to: after }] : []), ...subsystems]
  const registrations = await register(transaction, renamed)
  const groups = await enterGroups(transaction, renamed)
  const { contracts, byPeople } = await proposeContracts(transaction, {
    ...{ successor: after, renamed: subsystems, ...doing },
  })
  return {
    ...{ subsystems, servers, registrations, groups, contracts },
    byPeople: [
      ...subsystems.map(
        ({ from, to }) =>
          `access rights: each provider that gave a right to ${from} gives it to ${to} on its own server; the registry is not told which ones`,
      ),
      ...[...new Set(registrations.map(({ server }) => server))].map(
        (server) => `${server}: import a signing key and certificate of ${after}`,
      ),
      ...servers.map(({ to }) => `${to}: set \`server\` in its settings to this id and restart it`),
      ...byPeople,
      ...(await providerOf(transaction, renamed)),
      ...(await monitoringClientOf(transaction, renamed)),
      ...(await mandatesOf(transaction, before)),
    ],
  }
}

async function checkBoth(
  transaction: Kysely<RegisterTables>,
  taking: Taking,
  own: Subsystem[],
): Promise<void> {
  const { predecessor, successor } = taking
  await mustBeRegistered(transaction, predecessor)
  await mustBeRegistered(transaction, successor)
  const known = await transaction
    .selectFrom('succession')
    .select(['predecessor', 'successor', 'completed_at'])
    .execute()
  const pair = { predecessor: idText(predecessor), successor: idText(successor) }
  checkPair(
    pair,
    known.map(({ completed_at, ...one }) => ({ ...one, isCompleted: completed_at !== null })),
    await suspendedOf(transaction, taking, own),
  )
}

/**
 * What is suspended of both members and of all that is taken over. It would go on under its new name, which
 * the suspension does not know. A certificate keeps its SHA-256, and stays suspended.
 */
async function suspendedOf(
  transaction: Kysely<RegisterTables>,
  taking: Taking,
  own: Subsystem[],
): Promise<string[]> {
  const { predecessor, successor } = taking
  const subsystems = wantedOf(taking, own).map(({ subsystemCode }) => ({ ...predecessor, subsystemCode }))
  return suspendedAmong(await suspendedIn(transaction), {
    clients: [predecessor, successor, ...subsystems].map((one) => idText(one)),
    servers: taking.servers.map((serverCode) => idText({ ...predecessor, serverCode })),
    certificates: [],
  })
}

/** The subsystems that are taken over, with their new codes. */
function wantedOf({ subsystems }: Taking, own: Subsystem[]): { subsystemCode: string; as: string }[] {
  const wanted: NonNullable<Taking['subsystems']> =
    subsystems ?? own.map(({ id }) => ({ subsystemCode: parseClientId(id).subsystemCode! }))
  return wanted.map(({ subsystemCode, as = subsystemCode }) => ({ subsystemCode, as }))
}

/**
 * Changes the owner of servers. The successor first becomes a client of the server, as a change of owner
 * requires.
 */
async function takeServers(
  transaction: Kysely<RegisterTables>,
  { predecessor, successor, servers }: Taking,
  at: string,
): Promise<Renamed[]> {
  const store = createServerStore(...within(transaction))
  const taken: Renamed[] = []
  for (const serverCode of servers) {
    const id = { ...predecessor, serverCode }
    await addOnce(transaction, idText(id), successor)
    await store.changeOwner(id, successor, at)
    taken.push({ from: idText(id), to: idText({ ...successor, serverCode }) })
  }
  return taken
}

type Subsystem = { id: string; name: string }

function subsystemsOf(transaction: Kysely<RegisterTables>, member: string): Promise<Subsystem[]> {
  const rows = transaction.selectFrom('subsystem').select(['id', 'name']).where('member', '=', member)
  return rows.orderBy('id').execute()
}

async function addSubsystems(
  transaction: Kysely<RegisterTables>,
  taking: Taking,
  own: Subsystem[],
  at: string,
): Promise<Renamed[]> {
  const { predecessor, successor } = taking
  const store = createMemberStore(...within(transaction))
  const added: Renamed[] = []
  for (const { subsystemCode, as } of wantedOf(taking, own)) {
    const from = idText({ ...predecessor, subsystemCode })
    const row = own.find(({ id }) => id === from)
    if (row === undefined) throw new Fault('not_found', { what: say`the subsystem ${from}` })
    const to = { ...successor, subsystemCode: as }
    await store.addSubsystem(to, row.name, at)
    added.push({ from, to: idText(to) })
  }
  return added
}

/** Registers the new name at each server where the old name is a client; disabled where the old one is. */
async function register(
  transaction: Kysely<RegisterTables>,
  renamed: Renamed[],
): Promise<Plan['registrations']> {
  const store = createServerStore(...within(transaction))
  const done: Plan['registrations'] = []
  for (const { from, to } of renamed) {
    const rows = await transaction
      .selectFrom('server_client')
      .select(['server', 'is_disabled'])
      .where('client', '=', from)
      .orderBy('server')
      .execute()
    for (const { server, is_disabled } of rows) {
      const client = parseClientId(to)
      if (!(await addOnce(transaction, server, client))) continue
      if (Number(is_disabled) === 1) await store.setDisabled(parseServerId(server), client, true)
      done.push({ server, client: to })
    }
  }
  return done
}

/** Registers a client. False when it is the owner or a client already. */
async function addOnce(
  transaction: Kysely<RegisterTables>,
  server: string,
  client: ReturnType<typeof parseClientId>,
): Promise<boolean> {
  const id = parseServerId(server)
  if (idText(memberOf(id)) === idText(client)) return false
  const there = await transaction
    .selectFrom('server_client')
    .select('client')
    .where('server', '=', server)
    .where('client', '=', idText(client))
    .executeTakeFirst()
  if (there !== undefined) return false
  await createServerStore(...within(transaction)).addClient(id, client)
  return true
}

async function enterGroups(transaction: Kysely<RegisterTables>, renamed: Renamed[]): Promise<Plan['groups']> {
  const store = createGroupStore(...within(transaction))
  const done: Plan['groups'] = []
  for (const { from, to } of renamed) {
    // The members of the owners' group follow the servers, which have their own step.
    const codesOf = async (client: string): Promise<string[]> => {
      const rows = transaction
        .selectFrom('global_group_member')
        .select('group_code')
        .where('client', '=', client)
        .where('group_code', '!=', OWNERS_GROUP.code)
      return (await rows.orderBy('group_code').execute()).map(({ group_code }) => group_code)
    }
    const there = await codesOf(to)
    for (const code of (await codesOf(from)).filter((one) => !there.includes(one))) {
      await store.addGroupMember(code, parseClientId(to))
      done.push({ code, from, client: to })
    }
  }
  return done
}

async function providerOf(transaction: Kysely<RegisterTables>, renamed: Renamed[]): Promise<string[]> {
  const named = await namedIn(transaction, MANAGEMENT_SERVICE_PROVIDER, renamed)
  return named === undefined
    ? []
    : [`name ${named.to} as the provider of management services, which is ${named.from} now`]
}

/** It sees the exchanges of all: that is for two persons to give to a successor. */
async function monitoringClientOf(
  transaction: Kysely<RegisterTables>,
  renamed: Renamed[],
): Promise<string[]> {
  const named = await namedIn(transaction, MONITORING_CLIENT, renamed)
  return named === undefined ? [] : [`name ${named.to} as the monitoring client, which is ${named.from} now`]
}

async function namedIn(
  transaction: Kysely<RegisterTables>,
  parameter: string,
  renamed: Renamed[],
): Promise<Renamed | undefined> {
  const query = transaction.selectFrom('system_parameter').select('value').where('name', '=', parameter)
  const row = await query.executeTakeFirst()
  return renamed.find(({ from }) => from === row?.value)
}

async function mandatesOf(transaction: Kysely<RegisterTables>, member: string): Promise<string[]> {
  const rows = await transaction
    .selectFrom('hosting_mandate')
    .select(['id', 'host', 'client'])
    .where(({ or, eb }) => or([eb('host', '=', member), eb('member', '=', member)]))
    .where('ended_at', 'is', null)
    .orderBy('id')
    .execute()
  return rows.map(
    ({ id, host, client }) =>
      `hosting mandate ${Number(id)} of ${host} for ${client}: give one that names the successor`,
  )
}
