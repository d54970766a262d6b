/** The first program of an installation: gives the words to the program that they name, in this process. */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { chooseProgram } from './command-line/choose-program.ts'

const { program, taken } = chooseProgram(process.argv.slice(2))
// Where this file lies, and not where its source lay.
const programs = path.join(path.dirname(process.argv[1]!), '..')
process.argv.splice(2, taken)
await import(/* @vite-ignore */ pathToFileURL(path.join(programs, `${program}.js`)).href)
