-- What is wanted of wrk, in plain numbers: answers a second, and p99 of the waits in microseconds.
function done(summary, latency)
    local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
    if bad > 0 then
        io.stderr:write(bad .. " requests failed\n")
        os.exit(1)
    end
    io.write("figures " .. summary.requests / summary.duration * 1e6 .. " " .. latency:percentile(99) .. "\n")
end
