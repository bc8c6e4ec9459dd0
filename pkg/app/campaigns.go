package app

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/wacast/wacast/pkg/campaign"
	"github.com/wacast/wacast/pkg/job"
	"github.com/wacast/wacast/pkg/report"
)

// Campaigns tells how every campaign stands: those that were created, those a
// worker has seen, and those that have jobs no worker has seen yet; by id.
func (v *View) Campaigns(ctx context.Context) ([]*report.Progress, error) {
	ids, err := v.specs.Keys(ctx)
	if err != nil {
		return nil, err
	}
	waiting, err := v.queues.Depths(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range waiting {
		if job.ValidCampaign(d.Campaign) {
			ids = append(ids, d.Campaign)
		}
	}
	slices.Sort(ids)
	list := []*report.Progress{}
	for _, id := range slices.Compact(ids) {
		p, err := v.Progress(ctx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// ChangeCampaign changes a campaign, which may have no job yet.
func ChangeCampaign(ctx context.Context, cfg Config, id string, change func(*campaign.Spec) error) error {
	v, err := OpenView(ctx, cfg)
	if err != nil {
		return err
	}
	defer v.Close()
	return campaign.NewStore(campaign.Config{Bucket: v.specs}).Change(ctx, id, change)
}

// CloseCampaign says that no more jobs of a campaign are expected, and how many
// there must be; 0 leaves that open. It returns how the campaign stands then, or
// [campaign.ErrUnknown] of one that has neither jobs nor a spec.
func CloseCampaign(ctx context.Context, cfg Config, id string, expected uint64) (*report.Progress, error) {
	v, err := OpenView(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if _, err := v.Progress(ctx, id); err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	err = v.specs.Update(ctx, id, func(value []byte) ([]byte, error) {
		spec := &campaign.Spec{ID: id, State: campaign.Open, Since: now, CreatedAt: now} // no worker has seen it yet
		if value != nil {
			var err error
			if spec, err = campaign.Decode(id, value); err != nil {
				return nil, err
			}
		}
		if err := spec.Close(expected, now); err != nil {
			return nil, err
		}
		return json.Marshal(spec)
	})
	if err != nil {
		return nil, err
	}
	return v.Progress(ctx, id)
}
