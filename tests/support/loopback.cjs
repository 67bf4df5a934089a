// Preloaded with `node --require`: whatever listens in this process listens on 127.0.0.1.
// The gateway has no option for it and would be reachable from the network while the tests run.
const net = require("node:net");

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (first, ...rest) {
  if (first !== null && typeof first === "object" && "port" in first) {
    return listen.call(this, { ...first, host: "127.0.0.1" }, ...rest);
  }
  if (typeof first === "number" || typeof first === "string" && /^\d+$/.test(first)) {
    const others = rest.filter((value) => typeof value === "function" || typeof value === "number");
    return listen.call(this, Number(first), "127.0.0.1", ...others);
  }
  return listen.call(this, first, ...rest);
};

// It also ends when the tests are killed before they can stop it.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(), 1000).unref();
