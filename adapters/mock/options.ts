/** The command line of a mock, checked before anything is opened. */
import { parseArgs } from 'node:util'
import { isLoopback } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'

export const USAGE = `Usage: concordat mock --description FILE [--listen ADDRESS:PORT]
                      [--certificate FILE --key FILE --client-certificate FILE]

Answers as a service would that is described by an OpenAPI document (3.0 to 3.2, JSON or YAML) or a WSDL document: requests are held
against the description, answers are its examples or made from its schemas, the same for the same request. A system can talk to it
as to its own security server (/r1/INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE/..., or SOAP), or a security server as to its service.
Every answer has the header X-Concordat-Mock. Nothing is signed, logged or checked against rights.

  --description         the document; nothing that it refers to elsewhere is fetched
  --listen              127.0.0.1:9480 when absent
  --certificate, --key  PEM files, for HTTPS; needed where the address is not of this machine alone
  --client-certificate  the certificates, PEM, whose holders are let in

A request chooses an answer with the header Prefer: code=404, example=NAME.

Runs until SIGTERM or SIGINT. Exit code 0 after a clean end, 1 when it failed, 2 for wrong usage or a description that cannot be read.
`

export type MockOptions = {
  description: string
  listen: {
    address: string
    port: number
    certificateFile?: string
    keyFile?: string
    clientCertificateFile?: string
  }
}

const STANDARD = { address: '127.0.0.1', port: 9480 }
const LISTEN = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/

/** Throws `invalid_configuration`. */
export function readOptions(args: string[]): MockOptions {
  const values = parsed(args)
  const { description, certificate, key, 'client-certificate': client } = values
  if (description === undefined) throw wrong('--description is missing')
  const tls = [certificate, key, client].filter((one) => one !== undefined)
  if (tls.length !== 0 && tls.length !== 3)
    throw wrong('--certificate, --key and --client-certificate belong together')
  const listen = values.listen === undefined ? STANDARD : addressOf(values.listen)
  if (!isLoopback(listen.address) && tls.length === 0)
    throw wrong(
      `${listen.address} is not of this machine alone: --certificate, --key and --client-certificate are needed`,
    )
  const files =
    certificate === undefined || key === undefined || client === undefined
      ? {}
      : { certificateFile: certificate, keyFile: key, clientCertificateFile: client }
  return { description, listen: { ...listen, ...files } }
}

export function urlOf({ address, port, certificateFile }: MockOptions['listen']): string {
  const host = address.includes(':') ? `[${address}]` : address
  return `${certificateFile === undefined ? 'http' : 'https'}://${host}:${port}`
}

function addressOf(text: string): { address: string; port: number } {
  const [, v6, name, port] = LISTEN.exec(text) ?? []
  const address = v6 ?? name
  if (address === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw wrong('--listen wants ADDRESS:PORT, as 127.0.0.1:9480')
  return { address, port: Number(port) }
}

function parsed(args: string[]) {
  const text = { type: 'string' } as const
  try {
    const options = {
      ...{ description: text, listen: text, certificate: text, key: text },
      'client-certificate': text,
    }
    return parseArgs({ args, options }).values
  } catch (cause) {
    throw wrong((cause as Error).message.split('\n', 1)[0]!, cause)
  }
}

function wrong(what: string, cause?: unknown): Fault {
  return new Fault('invalid_configuration', { what, cause })
}
