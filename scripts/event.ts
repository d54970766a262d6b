/**
 * `concordat event check|convert|filter|sign|verify`: CloudEvents for those who send and receive them,
 * offline. Exit code 0, 1 for "no" and "not valid", 2 for wrong usage and a filter that is none.
 */
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { faultInWords } from './command-line/missing-file.ts'
import { check } from './event/check.ts'
import { convert } from './event/convert.ts'
import { filter } from './event/filter.ts'
import { sign } from './event/sign.ts'
import { type Surroundings, sayError, wrongUsage } from './event/surroundings.ts'
import { verify } from './event/verify.ts'

const USAGE = `Usage: concordat event check
       concordat event convert --to binary [--headers-file <new file> --data-file <new file>]
       concordat event convert --to structured|batch
       concordat event filter <CESQL expression>
       concordat event filter --filters <file.json>
       concordat event sign --key <file.pem> --certificate <file> [--extension <name>[=<type>]]...
       concordat event verify --certificate <file> [--at <time>] [--extension <name>[=<type>]]...

Each takes [--file <file>]... [--content-type <type>] [--lines]. It reads events of CloudEvents 1.0 in JSON, one (application/cloudevents+json)
or a batch (application/cloudevents-batch+json), of the files or of standard input; where --content-type does not say which of the two,
a list is a batch. --lines: one event a line. At most 64 MiB, 4 MiB a document, 1,000 events a batch. Nothing is sent anywhere.

check prints the attributes, and for every event that is not valid what is wrong with it and where.
convert writes one event or a batch; data stays the bytes that it is. --to binary writes the headers, an empty line and the data;
with the two files it is sent by: curl -H @<headers file> --data-binary @<data file> <url>
filter prints the events that pass, in the form in which they came: by an expression, or by the filters of the Subscriptions API (a list, or
one: {"exact": {"type": "a"}}) in a file. An event for which the expression ends with an error does not pass; the error is named.
sign prints the events with their signature (DSSE, in dssematerial), in place of an earlier one, and on the error stream what it covers:
the attributes of CloudEvents, the data, and the extensions that are named. <type> is Boolean, Integer, String, Binary or Timestamp, for extensions whose
type their own specification does not give.
verify says of each event whether the holder of the certificate signed it, and what is covered; each extension that is named has to be
there and covered. The certificate has to be valid now, or at --at. Its issuer and its revocation are not judged.

Exit code 0: all valid or verified, an event passes. 1: one is not, none passes. 2: wrong usage, or a filter that cannot be used.
`

const VERBS: Record<string, (args: string[], surroundings: Surroundings) => Promise<number>> = {
  check,
  convert,
  filter,
  sign,
  verify,
}

/** Runs the command. Never throws for mistakes of the user. */
export async function run(args: string[], given: Partial<Surroundings> = {}): Promise<number> {
  const { input = process.stdin, out = process.stdout, errors = process.stderr, clock = Date.now } = given
  const surroundings = { input, out, errors, clock }
  const [name = '', ...rest] = args
  if ([name, ...rest].some((one) => one === '--help' || one === '-h')) {
    out.write(USAGE)
    return 0
  }
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  if (verb === undefined) {
    const { message } = wrongUsage(name === '' ? 'the verb is missing' : `there is no ${name}`)
    errors.write(`${printable(`concordat event: ${message}`)}\n\n${USAGE}`)
    return 2
  }
  try {
    return await verb(rest, surroundings)
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    sayError(surroundings, `${name}: ${faultInWords(thrown)}`)
    return thrown.code === 'wrong_usage' || thrown.code === 'invalid_filter' ? 2 : 1
  }
}

if (import.meta.main) process.exitCode = await run(process.argv.slice(2))
