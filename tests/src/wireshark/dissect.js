// Reads a capture with a key log, and prints what Wireshark says of each packet. Arguments: the packages, key log, capture.
const fs = require("node:fs");
const path = require("node:path");
const [packages, keys, capture] = process.argv.slice(1);
const home = path.join(packages, "@goodtools/wiregasm/dist");
const load = require(path.join(home, "wiregasm.js"));

// What stands in the tree of a frame, without its bytes.
function labels(node) {
  const below = [];
  for (let at = 0; at < node.tree.size(); at++) below.push(...labels(node.tree.get(at)));
  return [node.label, ...below];
}

async function main() {
  const quiet = () => {};
  const locateFile = (file) => path.join(home, file);
  const shark = await load({ locateFile, print: quiet, printErr: quiet, handleStatus: quiet });
  shark.FS.mkdir("/case");
  for (const [name, file] of [["keys", keys], ["capture", capture]]) {
    shark.FS.writeFile(`/case/${name}`, fs.readFileSync(file));
  }
  shark.init();
  shark.setPref("ssh", "keylog_file", "/case/keys");
  shark.applyPreferences();
  const session = new shark.DissectSession("/case/capture");
  if (session.load().code !== 0) throw new Error("no capture");
  const { frames } = session.getFrames("", 0, 0);
  for (let at = 0; at < frames.size(); at++) {
    const { number, columns } = frames.get(at);
    console.log(columns.get(columns.size() - 1));
    const tree = session.getFrame(number).tree;
    for (let root = 0; root < tree.size(); root++) {
      for (const label of labels(tree.get(root))) console.log(`    ${label}`);
    }
  }
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
