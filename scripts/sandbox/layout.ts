/**
 * The files and addresses of a sandbox: an instance, DEV by default, with three or four agencies, each with a
 * security server.
 */
import path from 'node:path'

export type Agency = {
  /** The name of its security server's folder and process. */
  key: string
  memberCode: string
  name: string
  subsystemCode: string
  subsystemName: string
  serverCode: string
  /**
   * Loopback address of its security server. Shared-params has no port, so each server needs its own address.
   */
  address: string
  /**
   * For how many days its authentication certificate is asked for; as long as its profile allows when absent.
   */
  certificateDays?: number
}

export type Layout = {
  instance: string
  memberClass: string
  directory: string
  trust: { address: string; caPort: number; ocspPort: number; tsaPort: number; openIdPort: number }
  /**
   * Where browsers reach the consoles of a living sandbox by names below `localhost`, which they take for
   * this machine without asking anybody: they keep passkeys for names, none for addresses.
   */
  names?: { address: string; port: number }
  /** The beginning of the administrators' addresses. */
  people: string
  registry: { address: string; publicPort: number; adminPort: number; registrationPort: number }
  systems: {
    address: string
    populationRegister: number
    taxAgency: number
    businessRegister: number
    /** The adapter that serves the business register's table. */
    companies: number
    companiesMonitoring: number
    /** The registers of incomes and of insured persons, which a living sandbox has. */
    incomes: number
    insured: number
    /** The service of offers and the office that decides, which a living sandbox has. */
    offers: number
    offersMonitoring: number
    applications: number
    /** The register of mandates, which a living sandbox has. */
    mandates: number
    mandatesMonitoring: number
  }
  /**
   * The citizens' portal, which a living sandbox has, with the mail server by which its people are told, and
   * that of clerks at a counter.
   */
  portal?: PortalPlace & { mail: number }
  counter?: PortalPlace
  /** Who witnesses the registry's transparency log. */
  archive?: { address: string; port: number }
  /** The wallet of the person who signs in there. */
  wallet?: { address: string; port: number }
  agencies: { population: Agency; tax: Agency; business: Agency; health?: Agency }
}

type PortalPlace = { address: string; port: number; monitoring: number }

export const SERVER_PORTS = { messages: 5500, ocsp: 5577, http: 8080, https: 8443, admin: 4000 } as const
/**
 * All sandboxes of a machine have their names at this one address, so each network has a port of its own
 * there.
 */
const NAMES = { address: '127.0.0.1', ofTheUsual: 4000, first: 10_000, many: 20_000 }
const USUAL_NETWORK = '127.0.1'
const MEMBER_CLASS = 'GOV'
const LEFT_DAYS = 22
export const POPULATION_SERVICE = 'persons'
/** The inbox of the population register. */
export const INBOX_SERVICE = 'assessments'
/**
 * Where the population register says what happened, one of the things that it says, and where the tax agency
 * gets it.
 */
export const ROOM_SERVICE = 'register-events'
export const MOVED_EVENT = 'org.example.moved'
export const MOVES_INBOX = 'moves'
export const COMPANY_SERVICE = 'companies'
export const INCOME_SERVICE = 'incomes'
export const INSURED_SERVICE = 'insured'

/**
 * The layout below `directory`, on the loopback network `network` (three numbers, "127.0.1" by default). With
 * a past of some days it is that of a living sandbox, which has a fourth agency.
 */
export function layoutOf(directory: string, network: string, instance = 'DEV', pastDays?: number): Layout {
  const agency = (
    key: string,
    memberCode: string,
    name: string,
    subsystem: [string, string],
    last: number,
  ): Agency => ({
    key,
    memberCode,
    name,
    subsystemCode: subsystem[0],
    subsystemName: subsystem[1],
    serverCode: `SS-${key.toUpperCase()}`,
    address: `${network}.${last}`,
  })
  return {
    instance,
    memberClass: MEMBER_CLASS,
    directory,
    trust: { address: `${network}.20`, caPort: 8888, ocspPort: 8889, tsaPort: 8899, openIdPort: 8890 },
    people: `${network}.4`,
    registry: { address: `${network}.10`, publicPort: 8001, adminPort: 4000, registrationPort: 4001 },
    systems: {
      ...{ address: `${network}.30`, populationRegister: 9001, taxAgency: 9002, businessRegister: 9003 },
      ...{ companies: 9004, companiesMonitoring: 9005, incomes: 9006, insured: 9007 },
      ...{ offers: 9008, offersMonitoring: 9009, applications: 9010 },
      ...{ mandates: 9011, mandatesMonitoring: 9012 },
    },
    ...(pastDays !== undefined && {
      names: { address: NAMES.address, port: portOfNames(network) },
      portal: { address: `${network}.40`, port: 9450, monitoring: 9451, mail: 9452 },
      counter: { address: `${network}.41`, port: 9450, monitoring: 9451 },
      wallet: { address: `${network}.42`, port: 9460 },
      archive: { address: `${network}.43`, port: 9470 },
    }),
    agencies: {
      population: agency('population', '1001', 'Population Agency', ['population', 'Population register'], 1),
      tax: agency('tax', '1002', 'Tax Agency', ['tax', 'Tax assessment'], 2),
      business: agency('business', '1003', 'Business Agency', ['business', 'Business register'], 3),
      ...(pastDays !== undefined && {
        health: {
          ...agency('health', '1004', 'Health Agency', ['health', 'Health insurance'], 4),
          // What is left of it after the past is short enough for a warning.
          certificateDays: pastDays + LEFT_DAYS,
        },
      }),
    },
  }
}

function portOfNames(network: string): number {
  if (network === USUAL_NETWORK) return NAMES.ofTheUsual
  const [, high = 0, low = 0] = network.split('.').map(Number)
  return NAMES.first + ((high * 256 + low) % NAMES.many)
}

/** The folder of one process in the sandbox's directory. */
export function folderOf(layout: Layout, name: string): string {
  return path.join(layout.directory, name)
}

export function agenciesOf(layout: Layout): Agency[] {
  return Object.values(layout.agencies)
}

/** A subsystem's id in its text form, such as "DEV/GOV/1002/tax". */
export function subsystemText(layout: Layout, agency: Agency): string {
  return `${layout.instance}/${layout.memberClass}/${agency.memberCode}/${agency.subsystemCode}`
}

export function serverText(layout: Layout, agency: Agency): string {
  return `${layout.instance}/${layout.memberClass}/${agency.memberCode}/${agency.serverCode}`
}

/** The same id in the form of the management APIs' paths: "DEV:GOV:1002:tax". */
export function encoded(text: string): string {
  return text.replaceAll('/', ':')
}
