// Steps of a client: tells where it is on standard output, and goes on when it reads a line.
'use strict'
const readline = require('node:readline')

const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function say(words) {
  process.stdout.write(words + '\n')
  if ((await answers.next()).done) throw new Error('nobody is listening any more')
}

const all = []

exports.step = (feature, work) => all.push([feature, work])

// State that must pin for this reason exists now.
exports.held = (reason) => say(`held ${reason}`)

// Every feature in order, each with what `open` gives; `close` gets it back.
exports.run = async (version, open, close) => {
  process.stdout.write(`version ${version}\n`)
  for (const [feature, work] of all) {
    let given
    try {
      given = await open()
      await work(given)
      await say(`done ${feature}`)
    } catch (error) {
      await say(`failed ${feature}: ${String(error.stack).split('\n').slice(0, 5).join(' ')}`)
    }
    if (given !== undefined) await close(given)
  }
  process.exit(0)
}
