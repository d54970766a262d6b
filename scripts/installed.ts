/** The first program of an installation: gives the words to the program that they name, in this process. */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { chooseProgram } from './command-line/choose-program.ts'

const { program, taken } = chooseProgram(process.argv.slice(2))
// Where this file lies, and not where its source lay.
const programs = path.join(path.dirname(process.argv[1]!), '..')
const file = path.join(programs, `${program}.js`)
// As if Node had been started with it: a server with several workers starts them by these words.
process.argv.splice(1, 1 + taken, file)
await import(/* @vite-ignore */ pathToFileURL(file).href)
