/**
 * Loaded before a test file (node --import): an error that nothing caught fails the test that is running, and
 * the file goes on. tap finds that test by hooks on every promise, which take a tenth of a test process's
 * time. Here tap tells which test begins and which one ends, and the hooks stay off. The file's last line
 * tells its processor time.
 */
import asyncHooks from 'node:async_hooks'
import { writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { isMainThread } from 'node:worker_threads'
import type { Test } from 'tap'
import { tellProcessorTime } from './processor-time.ts'

// Threads and processes that the test starts may inherit this option.
if (isMainThread && /(\.test|\/run-group)\.[jt]s$/.test(process.argv[1] ?? '')) {
  asyncHooks.createHook = () => {
    const hook = { enable: () => hook, disable: () => hook }
    return hook
  }
  syncBuiltinESMExports()
  const { default: root } = await import('tap')
  const running: { threw(thrown: unknown): unknown }[] = [root]
  const follow = (test: Pick<Test, 'on'>): void => {
    test.on('subtestStart', (begun) => {
      running.push(begun)
      follow(begun as Test)
    })
    test.on('subtestEnd', (ended) => {
      // tap tells twice that a test ended that threw.
      if (running.includes(ended)) running.splice(running.indexOf(ended), 1)
    })
  }
  follow(root)
  const fail = (thrown: unknown): void => void running.at(-1)!.threw(thrown)
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  process.on('exit', () => void writeSync(1, tellProcessorTime()))
}
