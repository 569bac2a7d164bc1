package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/agent"
)

// defaultConfig is where the package puts the configuration.
const defaultConfig = "/etc/hallmark/agent.yaml"

func configFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "config", defaultConfig, "configuration file")
}

func serveCommand() *cobra.Command {
	var path string
	var debug bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer challenges over HTTPS",
		Long: `serve answers challenges of the validators whose public keys are listed under
validators.keys, until it is interrupted; then it answers what is under way and ends.

A configured TPM that is missing does not end it: challenges are refused, with
the reason, until the TPM is there. SIGHUP reads the validators' keys again.
With collector.socket set, devices are left to "hallmark-agent collect".`,
		Example: `  hallmark-agent serve
  hallmark-agent serve --config ./agent.yaml --debug
  systemctl reload hallmark-agent        # after adding a validator's .pub file`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := agent.LoadConfig(path)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c, newLog(os.Stderr, debug))
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&debug, "debug", false, "log details")
	return cmd
}

func serve(ctx context.Context, c *agent.Config, log *slog.Logger) error {
	keys, err := agent.NewKeyring(c.Validators.Keys)
	if err != nil {
		return err
	}
	if keys.Len() == 0 && !c.Validators.Open {
		log.Warn("no validator is listed: every challenge will be refused; put .pub files under validators.keys and reload", "keys", c.Validators.Keys)
	}
	a := &agent.Agent{Config: c, Log: log, Keys: keys, Ready: func() { notify(log, daemon.SdNotifyReady) }}
	if c.Collector.Socket == "" {
		col, closeDevices, err := newCollector(ctx, c, storeOf(c), log)
		defer closeDevices()
		if err != nil {
			return err
		}
		a.Collector = col
	}
	stop := reloadOnHangup(ctx, keys, log)
	defer stop()
	context.AfterFunc(ctx, func() { notify(log, daemon.SdNotifyStopping) })
	return a.Run(ctx)
}

// reloadOnHangup reads the validators' keys again at SIGHUP.
func reloadOnHangup(ctx context.Context, keys *agent.Keyring, log *slog.Logger) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-hangup:
				n, err := keys.Load()
				if err != nil {
					log.Error("validators' keys not reloaded: the old ones stay", "err", err)
				} else {
					log.Info("validators' keys reloaded", "validators", n)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { signal.Stop(hangup); cancel(); <-done }
}

// notify tells systemd; without it nobody listens, which is no error.
func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Warn("service manager not told", "state", state, "err", err)
	}
}
